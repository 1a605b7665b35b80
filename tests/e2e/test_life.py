"""A worker's life on a real broker: probes that tell the truth, and ends that somebody notices."""

import os
import random
import signal
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient

from infra.broker import embedded
from infra.topics import Topics, create
from streams.events import encode
from streams.session import Session, pack
from tests import bundles
from tests.brokers import produce

from .harness import Players, WorkerProcess, _next_event, audited, kept, wait_for, worker
from .test_kills import TRACKS, answered

pytestmark = pytest.mark.broker
QUICK = {
    "SEGUE_WORKER__LIVE_SECONDS": "3",
    "SEGUE_WORKER__WATCHDOG_SECONDS": "3",
    "SEGUE_WORKER__PARTITIONS_CHECK_SECONDS": "1",
}


def probe(process: WorkerProcess, name: str) -> tuple[int, str]:
    try:
        url = process.metrics_url.replace("/metrics", f"/{name}")
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


def ended(process: WorkerProcess, seconds: float) -> int:
    assert process.process is not None
    return process.process.wait(seconds)


def test_a_worker_that_stands_is_not_live_and_ends_and_the_next_one_answers_all(
    tmp_path: Path,
) -> None:
    topics = Topics.named("stands.")
    bundle = bundles.place(bundles.network_files(), tmp_path / "bundle")
    with (
        embedded() as broker,
        worker(broker.bootstrap, "stands.", tmp_path, "--bundle", str(bundle), **QUICK) as process,
    ):
        create(broker.bootstrap, topics, 4, 1)
        process.start()
        process.wait_ready()
        assert probe(process, "live") == (200, "live\n")
        players = Players(broker.bootstrap, topics.events, TRACKS, rate=300, seed=3)
        players.start()
        wait_for(lambda: answered(process), 20, "events are answered", process)
        os.kill(broker.pid, signal.SIGSTOP)
        try:
            wait_for(lambda: probe(process, "live")[0] == 503, 30, "it is not live", process)
            assert "stands at" in probe(process, "live")[1]
            assert probe(process, "ready")[0] == 503
            assert ended(process, 30) == 3
        finally:
            os.kill(broker.pid, signal.SIGCONT)
        assert "no progress: " in process.said
        players.stop()
        process.start()
        process.wait_ready()
        found = audited(broker.bootstrap, "stands.")
        assert process.stop() == 0
    assert kept(found).answered == players.sent


def test_the_model_is_warm_before_the_group_is_joined(broker: str, tmp_path: Path) -> None:
    prefix = f"warm-{random.randrange(10**9)}."
    create(broker, Topics.named(prefix), 4, 1)
    bundle = bundles.place(bundles.network_files(), tmp_path / "bundle")
    with worker(broker, prefix, tmp_path, "--bundle", str(bundle)) as process:
        process.start()
        process.wait_ready()
        said = process.said
        assert process.stop() == 0
    steps = ["metrics at", "loaded tiny v0", "partitions begin at", "ready:"]
    assert sorted(steps, key=said.index) == steps


def test_a_worker_is_not_ready_without_a_model_or_without_a_partition(
    broker: str, tmp_path: Path
) -> None:
    prefix = f"unready-{random.randrange(10**9)}."
    create(broker, Topics.named(prefix), 1, 1)
    bundle = bundles.place(bundles.network_files(), tmp_path / "bundle")
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    with (
        worker(broker, prefix, one, "--bundle", str(bundle)) as first,
        worker(broker, prefix, two, "--bundle", str(bundle)) as second,
        worker(broker, f"{prefix}", tmp_path, "--name", "nobody", "--group", "another") as third,
    ):
        first.start()
        third.start()
        first.wait_ready()
        second.start()
        wait_for(lambda: "metrics at" in second.said, 40, "the second has a port", second)

        def waits() -> bool:
            told = [probe(process, "ready")[1] for process in (first, second)]
            return sorted(told)[0].startswith("not ready: no partition") and "ready\n" in told

        wait_for(waits, 40, "one of two answers the one partition", second)
        wait_for(lambda: "metrics at" in third.said, 40, "the third has a port", third)
        wait_for(lambda: "no model is loaded" in probe(third, "ready")[1], 40, "it says so", third)
        assert [p.stop() for p in (first, second, third)] == [0, 0, 0]


def grow(broker: str, partitions: int, *topics: str) -> None:
    with closing(KafkaAdminClient(bootstrap_servers=broker)) as admin:
        admin.create_partitions(dict.fromkeys(topics, partitions))


def test_topics_that_grow_end_a_worker_and_are_refused_until_all_have_as_many(
    broker: str, tmp_path: Path
) -> None:
    prefix = f"grows-{random.randrange(10**9)}."
    topics = Topics.named(prefix)
    create(broker, topics, 2, 1)
    bundle = bundles.place(bundles.network_files(), tmp_path / "bundle")
    with worker(broker, prefix, tmp_path, "--bundle", str(bundle), **QUICK) as process:
        process.start()
        process.wait_ready()
        players = Players(broker, topics.events, TRACKS, rate=100, seed=4)
        players.start()
        wait_for(lambda: answered(process), 20, "events are answered", process)
        grow(broker, 3, topics.events)
        assert ended(process, 30) == 2
        assert f"{topics.recommendations} has 2" in process.said
        assert "kafka-topics.sh --alter" in process.said
        players.stop()

        process.start()
        assert ended(process, 30) == 2
        assert "kafka-topics.sh --alter" in process.said

        changelog = f"{prefix}segue-worker-sessions-changelog"
        grow(broker, 3, topics.recommendations, topics.feedback)
        process.start()
        assert ended(process, 30) == 2
        assert f"{changelog} has 2" in process.said

        grow(broker, 3, changelog)
        process.start()
        process.wait_ready()
        found = audited(broker, prefix)
        assert process.stop() == 0
    assert found.kept, found.faults
    assert found.tally.answered == players.sent


def test_a_marker_of_a_transaction_is_no_event_that_waits(broker: str, tmp_path: Path) -> None:
    prefix = f"marker-{random.randrange(10**9)}."
    topics = Topics.named(prefix)
    create(broker, topics, 1, 1)
    bundle = bundles.place(bundles.network_files(), tmp_path / "bundle")
    rng = random.Random(1)
    with worker(broker, prefix, tmp_path, "--bundle", str(bundle)) as process:
        process.start()
        process.wait_ready()
        producer = KafkaProducer(bootstrap_servers=broker, transactional_id=f"{prefix}players")
        with closing(producer):
            producer.init_transactions()
            for number in range(3):
                producer.begin_transaction()
                event = encode(_next_event(rng, TRACKS, {}, number, number))
                producer.send(topics.events, key=f"s{number}".encode(), value=event)
                producer.commit_transaction()
        lag = 'segue_lag_events{partition="0"} '
        wait_for(lambda: f"{lag}1.0" in process.metrics(), 20, "the marker is seen", process)
        wait_for(lambda: f"{lag}0.0" in process.metrics(), 40, "it is passed over", process)
        assert probe(process, "live") == (200, "live\n")
        found = audited(broker, prefix)
        assert process.stop() == 0
    assert kept(found).answered == 3


def test_sessions_of_a_newer_version_are_refused_with_what_to_do(
    broker: str, tmp_path: Path
) -> None:
    prefix = f"newer-{random.randrange(10**9)}."
    create(broker, Topics.named(prefix), 1, 1)
    bundle = bundles.place(bundles.network_files(), tmp_path / "bundle")
    with worker(broker, prefix, tmp_path, "--bundle", str(bundle)) as process:
        process.start()
        process.wait_ready()  # the changelog is there
        assert process.stop() == 0
        fields = msgspec.msgpack.decode(pack(Session(0, 1, 2)))
        record = msgspec.msgpack.encode([*fields, "what nobody knows yet"])
        produce(broker, f"{prefix}segue-worker-sessions-changelog", [(b"s1", record)])
        process.start()
        assert ended(process, 40) == 2
        assert "a newer version of Segue has written" in process.said
