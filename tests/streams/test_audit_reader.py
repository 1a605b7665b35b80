"""The audit fed from a real broker: while events flow, and until they are all accounted for."""

import threading
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime

import msgspec
import pytest
from kafka import KafkaProducer
from kafka.producer.future import RecordMetadata

from infra.broker import BrokerError
from infra.reader import reading
from infra.topics import Topics
from streams.audit import Audit
from streams.audit_reader import AuditReader
from streams.events import PlaybackEvent, encode
from tests.brokers import produce
from tests.streams.test_audit import answer, event, letter


def send(
    broker: str, topic: str, value: bytes, headers: Sequence[tuple[str, bytes]] = ()
) -> RecordMetadata:
    with closing(KafkaProducer(bootstrap_servers=broker, acks="all")) as producer:
        sent = producer.send(topic, key=b"k", value=value, headers=list(headers))
        return sent.get(timeout=30)


def now() -> PlaybackEvent:
    """An event of this moment: the broker's clock dates it."""
    moment = datetime.now(UTC).isoformat(timespec="milliseconds")
    return msgspec.structs.replace(event(), occurred_at=moment)


def test_what_is_appended_between_two_looks_is_counted_at_the_second(broker, topics):
    asked = now()
    with reading(broker) as consumer:
        reader = AuditReader(consumer, topics, Audit())
        assert reader.drain(time.monotonic() + 30).events_in == 0
        place = send(broker, topics.events, encode(asked))
        tally = reader.drain(time.monotonic() + 2)
        assert tally.missing == [(place.partition, place.offset)]
        produce(broker, topics.recommendations, [(b"k", answer(asked))])
        tally = reader.drain(time.monotonic() + 30)
        assert (tally.events_in, tally.answered, tally.missing) == (1, 1, [])


def test_a_dead_letter_is_read_by_its_headers(broker, topics):
    with reading(broker) as consumer:
        place = send(broker, topics.events, b"{")
        send(broker, topics.dlq, b"{", letter(place.partition, place.offset))
        reader = AuditReader(consumer, topics, Audit())
        assert reader.drain(time.monotonic() + 30).dead_lettered == 1


def test_draining_waits_for_an_answer_that_comes_late(broker, topics):
    asked = now()
    send(broker, topics.events, encode(asked))
    late = threading.Timer(1.0, produce, (broker, topics.recommendations, [(b"k", answer(asked))]))
    late.start()
    with reading(broker) as consumer:
        tally = AuditReader(consumer, topics, Audit()).drain(time.monotonic() + 30)
    late.join()
    assert (tally.answered, tally.missing) == (1, [])


def test_other_topics_are_handed_on_beside_those_that_are_audited(broker, topics):
    seen = []
    produce(broker, topics.feedback, [(b"k", b"feedback")])
    produce(broker, topics.events, [(b"k", b"{")])
    with reading(broker) as consumer:
        reader = AuditReader(
            consumer, topics, Audit(), [topics.feedback], lambda record: seen.append(record.topic)
        )
        reader.drain(time.monotonic() + 1)
    assert sorted(seen) == sorted([topics.feedback, topics.events])


def test_a_topic_that_is_not_there_is_said(broker):
    with reading(broker) as consumer, pytest.raises(BrokerError, match="segue topics create"):
        AuditReader(consumer, Topics.named("nobody-made-this."), Audit())
