import json
import shutil
import urllib.request
import uuid
from contextlib import closing
from datetime import UTC, datetime

import pytest
from kafka import KafkaConsumer, KafkaProducer

from infra.topics import Topics
from tests.bundles import counts_files, place
from tests.conftest import CI, engine_answers
from tests.infra.pipeline import pipeline, until

TOPICS = Topics.named()


@pytest.mark.skipif(not (CI and shutil.which("dockerd")), reason="only where CI has an engine")
def test_where_ci_can_have_an_engine_the_container_tests_do_run():
    assert engine_answers(), "start one first: infra/docker/engine.sh start"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    bundle = place(counts_files(), tmp_path_factory.mktemp("bundles") / "markov")
    bundle.chmod(0o755)  # the container's user is another one
    with pipeline(bundle) as running:
        yield running


def play(bootstrap: str, session: str, track: str) -> None:
    event = {
        "session_id": session,
        "track_id": track,
        "event": "play",
        "occurred_at": datetime.now(UTC).isoformat(),
    }
    with closing(KafkaProducer(bootstrap_servers=bootstrap)) as producer:
        value = json.dumps(event).encode()
        producer.send(TOPICS.events, key=session.encode(), value=value).get(timeout=30)


def scraped(url: str) -> str:
    with urllib.request.urlopen(f"{url}/metrics", timeout=5) as answer:
        text: str = answer.read().decode()
        return text


@pytest.mark.container
def test_an_event_comes_back_as_a_recommendation_and_is_counted(running):
    session = f"s-{uuid.uuid4().hex[:8]}"
    consumer = KafkaConsumer(
        TOPICS.recommendations,
        bootstrap_servers=running.bootstrap,
        auto_offset_reset="earliest",
        consumer_timeout_ms=30_000,
    )
    with closing(consumer):
        play(running.bootstrap, session, "t1")
        answer = next(json.loads(record.value) for record in consumer if record.key)
    assert answer["session_id"] == session
    assert answer["fallback"] is None
    assert [item["track_id"] for item in answer["items"]][:2] == ["t3", "t2"]  # seen 5 and 3 times
    counted = 'segue_events_total{outcome="answered"} 1.0'
    until(lambda: counted in scraped(running.metrics), 10, counted, running.worker)
    assert 'segue_model_info{architecture="Markov"' in scraped(running.metrics)


@pytest.mark.container
def test_the_worker_is_an_unprivileged_user_on_a_read_only_disk_without_torch(running):
    def python(code: str) -> tuple[int, str]:
        done = running.worker.exec(["python", "-c", code])
        return done.exit_code, done.output.decode()

    assert python("import os; print(os.getuid(), os.getgid())") == (0, "10001 10001\n")
    assert python("import importlib.util as u; print(u.find_spec('torch'))") == (0, "None\n")
    code, said = python("open('/app/streams/new', 'w')")
    assert code == 1
    assert "Read-only file system" in said
    status = python("print(open('/proc/self/status').read())")[1]
    assert "CapEff:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status
    assert running.worker.exec(["segue", "--version"]).output == b"segue 0.1.0\n"
    assert python("import models; print(models.__file__)") == (0, "/app/models/__init__.py\n")


@pytest.mark.container
def test_a_polite_stop_ends_the_worker_within_its_grace(running):
    """Last, since it ends what the others use."""
    worker = running.worker.get_wrapped_container()
    worker.stop(timeout=15)
    assert worker.wait()["StatusCode"] == 0
