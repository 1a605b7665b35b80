"""Playing a schedule into a real broker: the ledger, order, pace, brokers that are not there."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from infra.broker import BrokerError
from infra.node import free_ports
from infra.reader import read_to_end
from streams.decoding import decode_event
from streams.events import PlaybackEvent
from streams.player import Acknowledged, play
from streams.replay import Listening, Pace, schedule

SESSIONS: list[Listening] = [(f"s{i}", [("x", 1), ("y", 4), ("z", 2), ("x", 0)]) for i in range(25)]


def endless() -> Iterator[Listening]:
    return ((f"s{i}", [("x", 1)]) for i in count())


def read(bootstrap: str, topic: str) -> list[tuple[int, int, str, PlaybackEvent]]:
    """Everything in the topic: partition, offset, key, event."""
    now = int(time.time() * 1000)
    return [
        (r.partition, r.offset, (r.key or b"").decode(), decode_event(r.value, now))
        for r in read_to_end(bootstrap, topic).records
    ]


def test_the_ledger_is_what_lies_in_the_topic(broker, topics):
    begin = time.time()
    ledger = play(schedule(SESSIONS, Pace(rate=2000), "run"), bootstrap=broker, topic=topics.events)
    found = read(broker, topics.events)
    assert (ledger.sent, ledger.failed, ledger.outstanding) == (100, [], 0)
    assert {(a.partition, a.offset, a.session_id, a.event_id) for a in ledger.acknowledged} == {
        (partition, offset, key, event.id) for partition, offset, key, event in found
    }
    assert all(begin <= a.sent_at <= time.time() for a in ledger.acknowledged)
    assert all(key == event.session_id for _, _, key, event in found)


def test_a_session_stays_in_one_partition_and_in_order(broker, topics):
    play(schedule(SESSIONS, Pace(rate=5000), "run"), bootstrap=broker, topic=topics.events)
    places: dict[str, list[tuple[int, int, int | None]]] = {}
    for partition, offset, key, event in read(broker, topics.events):
        places.setdefault(key, []).append((partition, offset, event.seq))
    assert len(places) == 25
    for found in places.values():
        assert len({partition for partition, _, _ in found}) == 1
        assert [seq for _, _, seq in sorted(found)] == [0, 1, 2, 3]


def test_events_leave_at_the_rate_asked_for_until_the_time_is_up(broker, topics):
    ledger = play(
        schedule(endless(), Pace(rate=50), "run"),
        bootstrap=broker,
        topic=topics.events,
        seconds=2.0,
    )
    assert 90 <= ledger.sent <= 100  # 100 are due; a loaded machine may be late for the last
    assert ledger.rate == pytest.approx(50, rel=0.2)


def test_being_asked_to_stop_ends_it_with_everything_acknowledged(broker, topics):
    stop = threading.Event()

    def after_ten(ledger):
        if ledger.sent == 10:
            stop.set()

    ledger = play(
        schedule(endless(), Pace(rate=100), "run"),
        bootstrap=broker,
        topic=topics.events,
        stop=stop,
        progress=after_ten,
    )
    assert (ledger.sent, len(ledger.acknowledged)) == (10, 10)
    assert isinstance(ledger.acknowledged[0], Acknowledged)


def test_no_broker_is_a_broker_error_that_says_where():
    (port,) = free_ports(1)
    with pytest.raises(BrokerError, match=f"127.0.0.1:{port}"):
        play([], bootstrap=f"127.0.0.1:{port}", topic="t")


def test_a_missing_topic_is_a_broker_error_that_says_how_to_make_it(broker, prefix):
    with pytest.raises(BrokerError, match="segue topics create"):
        play([], bootstrap=broker, topic=f"{prefix}nowhere")


DYING = """
import json
from infra.broker import embedded
from infra.topics import Topics, create
from streams.player import play
from streams.replay import Pace, schedule

with embedded() as broker:
    topics = Topics.named()
    create(broker.bootstrap, topics, 4, 1)
    ledger = play(
        schedule([(f"s{i}", [("x", 1)] * 4) for i in range(25)], Pace(rate=200), "run"),
        bootstrap=broker.bootstrap,
        topic=topics.events,
        patience=2.0,
        progress=lambda ledger: broker.kill() if ledger.sent == 50 else None,
    )
print(json.dumps([ledger.sent, [a.event_id for a in ledger.acknowledged], ledger.failed]))
"""


@pytest.mark.broker
def test_a_broker_that_dies_ends_in_a_ledger_of_what_it_took_and_what_it_did_not(broker):
    """In a process of its own: kafka-python leaves a socket behind when its broker is killed."""
    done = subprocess.run(
        [sys.executable, "-c", DYING],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    sent, acknowledged, failed = json.loads(done.stdout)
    assert sent == 100
    assert len(failed) >= 50
    settled = [*acknowledged, *(event_id for event_id, _ in failed)]
    assert len(settled) == len(set(settled)) == 100
