"""Every hostile payload through a real broker and a real worker, between good neighbours."""

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from kafka import KafkaProducer
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.chaos.payloads import Hostile, good_event, hostile_payloads
from infra.topics import Topics
from tests import bundles

from . import harness
from .harness import WorkerProcess, wait_for, worker


class Sent(NamedTuple):
    """What the broker took: hostile payloads by their place, and good events by their ids."""

    hostile: dict[tuple[int, int], Hostile]
    good: set[tuple[str, str]]


def good(session_id: str, event_id: str, track_id: str) -> bytes:
    now_ms = time.time() * 1000
    event = good_event(now_ms, session_id=session_id, event_id=event_id, track_id=track_id)
    return json.dumps(event).encode()


def send_between_neighbours(bootstrap: str, topic: str) -> Sent:
    """One session for each payload: an event, the payload, an event; all under the same key."""
    sent = Sent({}, set())
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all")
    try:
        places = []
        for number, hostile in enumerate(hostile_payloads(time.time() * 1000)):
            session = f"s{number}"
            sent.good.update({(session, "before"), (session, "after")})
            producer.send(topic, key=session.encode(), value=good(session, "before", "t1"))
            place = producer.send(topic, key=session.encode(), value=hostile.value)
            places.append((place, hostile))
            producer.send(topic, key=session.encode(), value=good(session, "after", "t2"))
        producer.flush(30)
        for future, hostile in places:
            metadata = future.get(30)
            sent.hostile[metadata.partition, metadata.offset] = hostile
    finally:
        producer.close()
    return sent


def dead_letters(bootstrap: str, topics: Topics) -> dict[tuple[int, int], tuple[Any, ...]]:
    """Reason, topic, key and value of every dead letter, by the place it came from."""
    letters = {}
    for record in harness.read_all(bootstrap, topics.dlq):
        told = {name: value.decode() for name, value in record.headers}
        assert told["segue.detail"]
        place = (int(told["segue.source.partition"]), int(told["segue.source.offset"]))
        assert place not in letters, f"two dead letters for {place}"
        letters[place] = (
            told["segue.reason"],
            told["segue.source.topic"],
            record.key,
            record.value,
        )
    return letters


def dead_letters_counted(process: WorkerProcess) -> dict[str, float]:
    """The worker's own count, by reason."""
    return {
        sample.labels["reason"]: sample.value
        for family in text_string_to_metric_families(process.metrics())
        for sample in family.samples
        if sample.name == "segue_dead_letters_total"
    }


def test_each_hostile_payload_is_a_dead_letter_and_its_neighbours_are_answered(
    broker: str, topics: Topics, prefix: str, tmp_path: Path
) -> None:
    bundle = bundles.place(bundles.counts_files(), tmp_path / "bundle")
    with worker(broker, prefix, tmp_path, "--bundle", str(bundle)) as process:
        process.start()
        process.wait_ready()
        sent = send_between_neighbours(broker, topics.events)
        assert len(sent.hostile) == 26
        wait_for(lambda: harness.all_answered(broker, topics), 60, "all is answered", process)

        keys = {place: f"s{number}".encode() for number, place in enumerate(sent.hostile)}
        assert dead_letters(broker, topics) == {
            place: (hostile.reason, topics.events, keys[place], hostile.value)
            for place, hostile in sent.hostile.items()
        }
        reasons = Counter(hostile.reason for hostile in sent.hostile.values())
        assert dead_letters_counted(process) == reasons

        tally = harness.kept(harness.audited(broker, prefix))
        assert (tally.dead_lettered, tally.repeats) == (26, 0)
        states = harness.states(broker, prefix)
        assert {(session, id_) for session in states for id_ in ("before", "after")} == sent.good
        for session in states:
            state = states.get(session)
            assert state is not None
            assert state.history == (("t1", 1), ("t2", 1))
            assert state.event_ids == ("before", "after")

        assert process.process is not None
        assert process.process.poll() is None, "the worker is alive"
        assert process.stop() == 0
