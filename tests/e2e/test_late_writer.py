"""A worker that wrote late and died at once: its older state does not stay the last."""

import json
import time
from pathlib import Path

from kafka import KafkaProducer

from benchmarks.chaos.inputs import home
from benchmarks.chaos.payloads import good_event
from infra.clients import make_client
from infra.topics import Topics
from streams.settings import load_settings
from tests import bundles

from . import harness
from .harness import wait_for, worker

SESSION = "s0"
PARTITIONS = 4
NEIGHBOUR = next(
    name
    for name in (f"n{number}" for number in range(100))
    if home(name, PARTITIONS) == home(SESSION, PARTITIONS)
)


def test_an_older_state_is_written_over_as_soon_as_its_partition_has_another_event(
    broker: str, topics: Topics, prefix: str, tmp_path: Path
) -> None:
    bundle = bundles.place(bundles.counts_files(), tmp_path / "bundle")
    changelog = load_settings(topics={"prefix": prefix}).changelog
    producer = make_client(KafkaProducer, broker, acks="all")

    def play(session: str, event_id: str) -> None:
        now_ms = time.time() * 1000
        event = good_event(now_ms, session_id=session, event_id=event_id, track_id="t1")
        producer.send(topics.events, key=session.encode(), value=json.dumps(event).encode())
        producer.flush(30)
        wait_for(lambda: harness.all_answered(broker, topics), 60, "it is answered", process)

    def states() -> list[bytes]:
        records = harness.read_all(broker, changelog)
        return [record.value for record in records if record.key == SESSION.encode()]

    with worker(broker, prefix, tmp_path, "--bundle", str(bundle)) as process:
        process.start()
        process.wait_ready()
        play(SESSION, "first")
        play(SESSION, "second")
        older, newer = states()
        record = next(r for r in harness.read_all(broker, changelog) if r.key == SESSION.encode())
        producer.send(changelog, key=record.key, value=older, partition=record.partition)
        producer.flush(30)
        assert states()[-1] == older
        play(NEIGHBOUR, "first")  # written after the late one: it shows that there is one
        play(NEIGHBOUR, "second")  # what was found is mended before the next batch
        wait_for(lambda: states()[-1] == newer, 30, "the newer state is the last", process)
        assert "written over" in process.said
        assert process.stop() == 0
    producer.close(timeout=5)
    assert harness.audited(broker, prefix).kept
