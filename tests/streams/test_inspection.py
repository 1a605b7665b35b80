"""The audit read from a real broker, where a worker's topics are written by hand: what is counted,
what is waited for, and what an audit of a part must not take for a loss.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import msgspec
import pytest
from kafka import KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

from infra.broker import BrokerError
from infra.reader import reading
from infra.topics import Topics
from streams import inspection
from streams.events import PlaybackEvent, encode
from streams.findings import Findings
from streams.inspection import Inspection
from streams.recommendations import rfc3339
from streams.session import Arrival, Limits, Session, pack
from tests.streams.test_audit import answer, event

LIMITS = Limits()
PARTITION = 1
AGO_MS = 3_600_000


class ByHand:
    """Writes what players and a worker write, to one partition."""

    def __init__(self, broker: str, topics: Topics, changelog: str) -> None:
        self._producer = KafkaProducer(bootstrap_servers=broker, acks="all")
        self.broker, self.topics, self.changelog = broker, topics, changelog
        self.sessions: dict[str, Session] = {}

    def play(self, session_id: str, event_id: str) -> tuple[PlaybackEvent, Arrival]:
        asked = msgspec.structs.replace(
            event(session_id, event_id=event_id), occurred_at=rfc3339(time.time() * 1000)
        )
        return asked, self.send(self.topics.events, encode(asked))

    def tell(self, asked: PlaybackEvent, ago_ms: int = 0) -> None:
        moment = int(time.time() * 1000) - ago_ms
        self.send(self.topics.recommendations, answer(asked), timestamp_ms=moment)

    def save(self, asked: PlaybackEvent, at: Arrival) -> None:
        session = self.sessions.get(asked.session_id, Session())
        session = session.advance(asked, asked.id, at, LIMITS)
        self.sessions[asked.session_id] = session
        self.send(self.changelog, pack(session), key=asked.session_id.encode())

    def work(self, session_id: str, event_id: str) -> Arrival:
        """An event, and all that a worker makes of it."""
        asked, at = self.play(session_id, event_id)
        self.save(asked, at)
        self.tell(asked)
        return at

    def send(self, topic: str, value: bytes | None, key: bytes = b"k", **more: Any) -> Arrival:
        sent = self._producer.send(topic, key=key, value=value, partition=PARTITION, **more)
        record = sent.get(timeout=30)
        return Arrival(record.partition, record.offset, record.timestamp)

    def inspect(self, since_ms: int | None = None, wait: float = 0.0, **more: Any) -> Findings:
        with reading(self.broker) as consumer:
            looking = Inspection(consumer, self.topics, self.changelog, LIMITS, **more)
            return looking.run(since_ms, wait)

    def close(self) -> None:
        self._producer.close()


@pytest.fixture
def by_hand(broker: str, topics: Topics, prefix: str) -> Iterator[ByHand]:
    changelog = f"{prefix}changelog"
    with closing(KafkaAdminClient(bootstrap_servers=broker)) as admin:
        admin.create_topics([NewTopic(changelog, num_partitions=4, replication_factor=1)])
    with closing(ByHand(broker, topics, changelog)) as hand:
        yield hand


def test_nothing_at_all_is_a_promise_kept(by_hand):
    found = by_hand.inspect()
    assert found.kept
    assert (found.tally.events_in, found.comparison.compared, found.notes) == (0, 0, [])


def test_what_is_answered_while_it_waits_is_not_missing_and_its_session_is_compared(by_hand):
    by_hand.work("s", "e1")
    asked, at = by_hand.play("s", "e2")

    def late() -> None:
        time.sleep(0.7)
        by_hand.save(asked, at)
        by_hand.tell(asked)

    assert not by_hand.inspect(wait=0.0).kept
    answering = threading.Thread(target=late)
    answering.start()
    found = by_hand.inspect(wait=30.0)
    answering.join()
    assert found.kept
    assert found.comparison.compared == 1


def test_events_that_come_during_the_audit_are_not_counted_though_their_states_are_there(by_hand):
    by_hand.work("s", "e1")
    steps = []

    def progress(step: str, done: int, total: int) -> None:
        if step == "read events" and step not in steps:
            by_hand.work("s", "e2")  # the changelog, read later, holds it
            by_hand.play("s", "e3")  # and nobody has taken this one yet
        steps.append(step)

    found = by_hand.inspect(progress=progress)
    assert found.kept
    assert (found.tally.events_in, found.comparison.compared) == (1, 1)


def test_a_state_that_forgot_an_answered_event_is_unequal(by_hand):
    by_hand.work("s", "e1")
    asked, _ = by_hand.play("s", "e2")
    by_hand.tell(asked)
    found = by_hand.inspect()
    assert not found.tally.missing
    assert [fault.kind for fault in found.faults] == ["state"]


def test_an_event_sent_twice_is_answered_by_a_list_from_long_before(by_hand, monkeypatch):
    monkeypatch.setattr(inspection, "SKEW_MS", 0)
    asked, at = by_hand.play("s", "e1")
    by_hand.save(asked, at)
    by_hand.tell(asked, ago_ms=AGO_MS)
    again = by_hand.send(by_hand.topics.events, encode(asked))
    found = by_hand.inspect(since_ms=again.appended_ms)
    assert (found.tally.events_in, found.tally.missing) == (1, [])
    assert found.kept


def test_what_is_older_than_the_lists_that_are_kept_is_not_counted_and_that_is_said(
    by_hand, monkeypatch
):
    monkeypatch.setattr(inspection, "SKEW_MS", 0)
    by_hand.work("s", "e1")
    time.sleep(0.01)
    by_hand.work("s", "e2")
    with closing(KafkaAdminClient(bootstrap_servers=by_hand.broker)) as admin:
        lists = TopicPartition(by_hand.topics.recommendations, PARTITION)
        admin.delete_records({lists: 1})
    found = by_hand.inspect()
    assert found.kept
    assert found.tally.events_in <= 1  # the list that is left is a little younger than its event
    assert found.since
    (note,) = found.notes
    assert "lists are kept since" in note
    assert by_hand.inspect(since_ms=0).notes == found.notes
    later = int(time.time() * 1000)
    assert by_hand.inspect(since_ms=later).notes == []


def test_without_a_changelog_every_session_is_unequal_and_that_is_explained(by_hand):
    by_hand.work("s", "e1")
    by_hand.changelog = "nobody-made-this"
    found = by_hand.inspect()
    assert [fault.said for fault in found.faults] == ["it has no record; expected one"]
    assert "--group" in found.notes[0]


def test_a_topic_that_is_not_there_is_said(broker):
    with reading(broker) as consumer, pytest.raises(BrokerError, match="segue topics create"):
        Inspection(consumer, Topics.named("nobody-made-this."), "x", LIMITS)
