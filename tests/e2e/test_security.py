"""A worker on a broker with a lock: each role does its job, and nothing that is not its own."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError
from pydantic import SecretStr

from infra.acls import ROLES, apply, grants
from infra.broker import BrokerError
from infra.connection import Connection, DeniedError
from infra.reader import read_to_end, reading
from infra.topics import Topics, check, create
from streams.announcements import announce, announcement, latest
from streams.bundle import open_bundle
from streams.forgetting import forget
from streams.inspection import Inspection
from streams.player import Ledger, play
from streams.replay import Pace, schedule
from streams.session import unpack
from streams.settings import load_settings
from tests import bundles
from tests.secured import Secured, environment, password, secured_broker

from .harness import ROOT, WorkerProcess, wait_for, worker
from .test_kills import TRACKS

pytestmark = pytest.mark.broker

PREFIX = "locked."
TOPICS = Topics.named(PREFIX)
SETTINGS = load_settings(topics={"prefix": PREFIX})
APPLICATION = f"{PREFIX}{SETTINGS.worker.group}"
CONSUMERS = f"{PREFIX}segue-consumers"

LOUD = """
import streams.worker.run as run
from cli.main import main

quiet = run.log_config()
run.log_config = lambda: {**quiet, "root": {**quiet["root"], "level": "DEBUG"}, "loggers": {}}
main()
"""


@pytest.fixture(scope="module")
def secured(tmp_path_factory) -> Iterator[Secured]:
    """A broker with an authorizer, the contract's topics, and one user of each role."""
    folder = tmp_path_factory.mktemp("secured")
    with secured_broker(folder, [*ROLES, "nobody"], authorize=True) as found:
        create(found.broker.bootstrap, TOPICS, 2, 1)
        for role in ROLES:
            wanted = grants(role, TOPICS, APPLICATION, CONSUMERS)
            apply(found.broker.bootstrap, f"User:{role}", wanted)
        yield found


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Path:
    return bundles.place(bundles.network_files(), tmp_path_factory.mktemp("bundle") / "bundle")


@pytest.fixture(scope="module")
def serving(secured, bundle, tmp_path_factory) -> Iterator[WorkerProcess]:
    """A worker with its role's rights, over TLS and SCRAM, that logs all it can."""
    folder = tmp_path_factory.mktemp("worker")
    (folder / "loud.py").write_text(LOUD)
    to = secured.to(user="worker")
    serve = ("--bundle", str(bundle))
    with worker(to.bootstrap, PREFIX, folder, *serve, **environment(to)) as process:
        process._command[1:3] = [str(folder / "loud.py")]
        process.start()
        process.wait_ready()
        yield process


def played(to: Connection, run: str, sessions: int = 5) -> Ledger:
    listenings = [(f"s{n}", [(track, 1) for track in TRACKS[:4]]) for n in range(sessions)]
    ledger = play(schedule(listenings, Pace(rate=500), run), bootstrap=to, topic=TOPICS.events)
    assert len(ledger.acknowledged) == 4 * sessions
    return ledger


def test_every_role_can_do_its_job(secured, serving, bundle):
    sent = played(secured.to(user="player"), "job")
    answers = consumed(secured.to(user="consumer"), len(sent.acknowledged))
    assert answers == {entry.session_id.encode() for entry in sent.acknowledged}

    learner = secured.to(user="learner")
    assert len(read_to_end(learner, TOPICS.feedback).records) >= len(sent.acknowledged)
    champion = announcement(open_bundle(bundle), "champion", "2026-11-21T05:30:00Z")
    announce(learner, TOPICS.models, [champion])
    assert latest(learner, TOPICS.models) == {champion.name: champion}

    operator = secured.to(user="operator")
    assert check(operator, TOPICS, 2) == []
    assert create(operator, TOPICS, 2, 1) == []
    with reading(operator) as consumer:
        limits = SETTINGS.session.limits
        found = Inspection(consumer, TOPICS, SETTINGS.changelog, limits).run(wait_seconds=30)
    assert found.kept, found.record()
    assert found.comparison.compared == 5


def consumed(to: Connection, count: int) -> set[bytes]:
    """The keys of so many lists, read by a consumer group as players would."""
    consumer = KafkaConsumer(
        TOPICS.recommendations,
        **to.client_arguments(),
        group_id=CONSUMERS,
        auto_offset_reset="earliest",
        metadata_max_age_ms=2000,  # it may join before it has heard of the topic's partitions
    )
    with closing(consumer):
        keys: list[bytes] = []
        deadline = time.monotonic() + 30
        while len(keys) < count:
            assert time.monotonic() < deadline, f"{len(keys)} of {count} lists"
            for batch in consumer.poll(timeout_ms=200).values():
                keys += [record.key for record in batch]
    return set(keys)


READS = {
    "player": (),
    "consumer": ("recommendations",),
    "worker": ("events", "models"),
    "learner": ("feedback", "models"),
    "operator": ("events", "recommendations", "feedback", "models", "dlq"),
    "nobody": (),
}
WRITES = {
    "player": ("events",),
    "consumer": (),
    "worker": ("recommendations", "feedback", "dlq"),
    "learner": ("models",),
    "operator": ("events", "models"),
    "nobody": (),
}
SCRATCH = Topics.named("scratch.")
"""Topics that nobody else reads: what is written here as a test disturbs none."""


@pytest.fixture(scope="module")
def scratch(secured) -> None:
    create(secured.broker.bootstrap, SCRATCH, 1, 1)
    for role in ROLES:
        wanted = grants(role, SCRATCH, "scratch.segue-worker", "scratch.readers")
        apply(secured.broker.bootstrap, f"User:{role}", wanted)


@pytest.mark.parametrize("role", READS)
def test_every_role_is_refused_what_is_not_its_own(secured, scratch, role):
    to = secured.to(user=role)
    names = vars(SCRATCH)
    read = {topic for topic, name in names.items() if allowed(lambda name=name: _read(to, name))}
    written = {
        topic for topic, name in names.items() if allowed(lambda name=name: _write(to, name))
    }
    assert (read, written) == (set(READS[role]), set(WRITES[role]))
    with pytest.raises(BrokerError, match="Authorization failed"):
        create(to, Topics.named("forbidden."), 1, 1)


def _read(to: Connection, topic: str) -> None:
    with reading(to) as consumer:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        consumer.beginning_offsets([partition])
        consumer.seek_to_beginning(partition)
        consumer.poll(timeout_ms=300)


def _write(to: Connection, topic: str) -> None:
    # Idempotence off: a producer that was refused once refuses everything after it.
    arguments = {**to.client_arguments(), "acks": "all", "enable_idempotence": False}
    with closing(KafkaProducer(**arguments, max_block_ms=3000)) as producer:
        producer.send(topic, b"{}", key=b"k").get(10)


def allowed(action) -> bool:
    """Whether the broker let it; any other failure is the test's."""
    try:
        action()
    except DeniedError:
        return False
    except KafkaError as err:
        if "Authorization" not in f"{type(err).__name__} {err}":
            raise
        return False
    return True


def test_a_worker_that_may_not_announce_serves_and_says_who_can(serving):
    assert "is not announced" in serving.said
    assert "segue models promote" in serving.said


def test_a_worker_and_its_broker_listen_on_loopback_only_and_faust_serves_no_web(secured, serving):
    for pid in (serving.process.pid, secured.broker.pid):
        assert {address for address, _ in listening(pid)} <= {"127.0.0.1", "::1"}, pid
    (_, port) = listening(serving.process.pid)[0]
    assert listening(serving.process.pid) == [("127.0.0.1", port)]
    assert f":{port}/metrics" in serving.metrics_url


def listening(pid: int) -> list[tuple[str, int]]:
    """What a process listens on, as the kernel tells."""
    inodes = set()
    for fd in os.scandir(f"/proc/{pid}/fd"):
        try:
            inodes.update(re.findall(r"socket:\[(\d+)\]", os.readlink(fd.path)))
        except FileNotFoundError:
            continue
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                address, port = fields[1].split(":")
                found.append((_dotted(address), int(port, 16)))
    return found


def _dotted(raw: str) -> str:
    octets = [str(octet) for octet in reversed(bytes.fromhex(raw[-8:]))]
    dotted = ".".join(octets)
    mapped = len(raw) == 8 or raw[:24] == "0000000000000000FFFF0000"
    if mapped:
        return dotted
    return {"0" * 24 + "01000000": "::1", "0" * 32: "::"}.get(raw, raw)


def test_a_session_is_forgotten_and_begins_anew(secured, serving):
    player, operator = secured.to(user="player"), secured.to(user="operator")
    sent = played(player, "forget", sessions=2)
    gone, stays = "forget-s0", "forget-s1"
    wait_for(lambda: len(states(operator).get(stays) or b"") > 100, 30, "it has a record", serving)
    found = forget(operator, TOPICS, SETTINGS.changelog, gone)
    assert found.done, found
    assert found.partition in {e.partition for e in sent.acknowledged if e.session_id == gone}
    assert states(operator)[gone] is None
    assert states(operator)[stays] is not None

    # As the second of two, so that its event has an id that the session has not had.
    anew = [("s9", [(TRACKS[0], 1)]), ("s0", [(TRACKS[0], 1)])]
    again = play(schedule(anew, Pace(rate=500), "forget"), bootstrap=player, topic=TOPICS.events)
    assert len(again.acknowledged) == 2
    with reading(operator) as consumer:
        inspection = Inspection(consumer, TOPICS, SETTINGS.changelog, SETTINGS.session.limits)
        audited = inspection.run(wait_seconds=30)
    assert audited.kept, audited.record()
    session = unpack(states(operator)[gone] or b"")
    assert (session.begun, session.history) == (1, ((TRACKS[0], 1),))


def states(to: Connection) -> dict[str, bytes | None]:
    """The last record of each session in the changelog; None where that is a tombstone."""
    records = read_to_end(to, SETTINGS.changelog).records
    return {(record.key or b"").decode(): record.value for record in records}


def test_nothing_that_a_worker_logs_holds_its_password(serving):
    said = serving.log.read_text()
    assert "SaslAuthenticateRequest" in said  # it does log what it sends
    assert password("worker").get_secret_value() not in said


def test_a_worker_with_a_wrong_password_ends_with_3_and_says_why(secured, bundle, tmp_path):
    to = secured.to(user="worker", password=SecretStr("a-wrong-one"))
    ran = subprocess.run(
        [sys.executable, "-m", "cli.main", "worker", "--bundle", bundle, "--metrics-port", "0"],
        env={
            **os.environ, **environment(to), "PYTHONPATH": str(ROOT),
            "SEGUE_KAFKA__BOOTSTRAP": to.bootstrap, "SEGUE_TOPICS__PREFIX": PREFIX,
        },
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == 3, ran.stderr
    assert "refused user worker with SCRAM-SHA-512" in ran.stderr
    assert "a-wrong-one" not in ran.stderr + ran.stdout
