"""Records that a real broker never takes: their events are dead letters, and the others go on."""

import json
import time
from pathlib import Path

import pytest
from kafka import KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from benchmarks.chaos.payloads import good_event
from infra.clients import make_client
from infra.topics import Topics
from streams.settings import load_settings
from tests import bundles

from . import harness
from .harness import wait_for, worker

LONG = "a-session-with-the-longest-name-that-is-allowed-" + "x" * 80  # 128 characters
SHORT = [f"s{number}" for number in range(5)]


def limit(broker: str, topic: str, size: int) -> None:
    admin = make_client(KafkaAdminClient, broker)
    try:
        config = {"max.message.bytes": str(size)}
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs=config)])
    finally:
        admin.close()


def play(broker: str, topic: str, sessions: list[str], event_id: str) -> None:
    producer = make_client(KafkaProducer, broker, acks="all", linger_ms=50)
    try:
        for session in sessions:
            event = good_event(
                time.time() * 1000, session_id=session, event_id=event_id, track_id="t1"
            )
            producer.send(topic, key=session.encode(), value=json.dumps(event).encode())
        producer.flush(30)
    finally:
        producer.close(timeout=5)


def size_of(broker: str, topic: str) -> int:
    """Room for the largest record of the short sessions as a batch of its own, and for growth."""
    records = [r for r in harness.read_all(broker, topic) if r.key != LONG.encode()]
    return max(len(r.key) + len(r.value) for r in records) + 130


@pytest.mark.parametrize("which", ["recommendations", "changelog", "dlq"])
def test_an_event_that_makes_too_large_a_record_is_a_dead_letter(
    which: str, broker: str, topics: Topics, prefix: str, tmp_path: Path
) -> None:
    bundle = bundles.place(bundles.counts_files(), tmp_path / "bundle")
    changelog = load_settings(topics={"prefix": prefix}).changelog
    with worker(broker, prefix, tmp_path, "--bundle", str(bundle)) as process:
        process.start()
        process.wait_ready()
        for event_id in ("first", "second"):
            play(broker, topics.events, [*SHORT, LONG], event_id)
            wait_for(lambda: harness.all_answered(broker, topics), 60, "all is answered", process)
        if which == "dlq":  # the letter itself is then too large, and goes without the event
            limit(broker, topics.recommendations, size_of(broker, topics.recommendations))
            limit(broker, topics.dlq, 650)
        else:
            topic = changelog if which == "changelog" else topics.recommendations
            limit(broker, topic, size_of(broker, topic))
        play(broker, topics.events, [*SHORT, LONG], "third")
        wait_for(lambda: harness.all_answered(broker, topics), 60, "all is answered", process)

        (letter,) = harness.read_all(broker, topics.dlq)
        headers = {name: value.decode() for name, value in letter.headers}
        assert headers["segue.reason"] == "internal"
        refused = changelog if which == "changelog" else topics.recommendations
        assert headers["segue.detail"].startswith(f"{refused} does not take a record of ")
        assert (letter.key == LONG.encode()) == (which != "dlq")
        found = harness.audited(broker, prefix)
        assert found.kept, found.record()
        assert (found.comparison.compared, found.comparison.unknown) == (5, 1)
        tally = found.tally
        assert (tally.events_in, tally.answered, tally.dead_lettered) == (18, 17, 1)
        assert process.stop() == 0
