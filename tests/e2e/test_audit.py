"""`segue audit` on a real cluster: silent where nothing is wrong, and not fooled by any fault.

The faults are put on the topics by hand, one after the other, each beside those before it.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from kafka import KafkaProducer

from benchmarks.chaos.payloads import good_event
from infra.topics import Topics
from streams.events import Recommendation, encode
from streams.session import pack, unpack
from tests import bundles

from .harness import ROOT, Players, read_all, wait_for, worker
from .test_kills import TRACKS

pytestmark = pytest.mark.broker
Headers = Sequence[tuple[str, bytes]]


def audit(broker: str, prefix: str, *more: str, code: int | None = None) -> dict[str, Any]:
    """What the command says as JSON, and that its exit code is what it should be."""
    ran = run_audit(broker, prefix, "--json", *more)
    said: dict[str, Any] = json.loads(ran.stdout)
    assert code is None or ran.returncode == code, ran.stderr + ran.stdout
    return said


def run_audit(broker: str, prefix: str, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli.main", "audit", "--bootstrap", broker, "--prefix", prefix]
    return subprocess.run(
        [*command, *more], capture_output=True, text=True, cwd=ROOT, timeout=120, check=False,
        env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip


def append(
    broker: str,
    topic: str,
    key: bytes | None,
    value: bytes | None,
    partition: int,
    headers: Headers = (),
) -> tuple[int, int]:
    with closing(KafkaProducer(bootstrap_servers=broker, acks="all")) as producer:
        sent = producer.send(
            topic, key=key, value=value, partition=partition, headers=list(headers)
        ).get(timeout=30)
        return sent.partition, sent.offset


def kinds(said: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for fault in said["faults"]:
        found.setdefault(fault["kind"], []).append(fault)
    return found


def now_event(session_id: str, event_id: str) -> bytes:
    event = good_event(time.time() * 1000, session_id=session_id, event_id=event_id)
    return json.dumps(event).encode()


def test_a_clean_run_is_clean_and_every_injected_fault_is_found(
    broker: str, topics: Topics, prefix: str, tmp_path: Path
) -> None:
    bundle = bundles.place(bundles.counts_files(), tmp_path / "bundle")
    players = Players(broker, topics.events, TRACKS, rate=150, sessions=30, seed=2)
    with worker(broker, prefix, tmp_path, "--bundle", str(bundle)) as process:
        process.start()
        process.wait_ready()
        players.start()
        poisoned = append(broker, topics.events, b"s0", b"{", 0)
        wait_for(lambda: players.sent > 300, 30, "events are sent", process)
        # While events flow: whatever is newer than the audit's start is in flight, not missing.
        live = audit(broker, prefix, code=0)
        assert live["events"] > 250
        players.stop()
        clean = audit(broker, prefix, code=0)
        assert process.stop() == 0

    assert clean["events"] == players.sent + 1 == clean["answered"] + clean["dead_lettered"]
    assert (clean["dead_lettered"], clean["missing"], clean["conflicting"]) == (1, 0, 0)
    assert clean["state_equal"]
    assert clean["sessions"] == {"compared": 30, "unequal": 0, "swept": 0, "not_compared": 0}
    assert clean["faults"] == []

    # An event that nobody answers: the worker is gone.
    lost = append(broker, topics.events, b"unheard", now_event("unheard", "e"), 1)
    said = audit(broker, prefix, "--wait", "1", code=1)
    assert (said["missing"], said["conflicting"], said["state_equal"]) == (1, 0, True)
    (fault,) = kinds(said)["missing"]
    assert (fault["partition"], fault["offset"], fault["session_id"]) == (*lost, "unheard")
    assert said["sessions"]["not_compared"] == 1

    # Another list under the same id.
    record = read_all(broker, topics.recommendations)[0]
    told = msgspec.json.decode(record.value, type=Recommendation)
    forged = msgspec.structs.replace(told, items=told.items[::-1])
    append(broker, topics.recommendations, record.key, encode(forged), record.partition)
    said = audit(broker, prefix, "--wait", "0", code=1)
    assert said["conflicting"] == 1
    (fault,) = kinds(said)["conflicting"]
    assert (fault["partition"], fault["offset"], fault["session_id"]) == (
        told.source.partition, told.source.offset, told.session_id,
    )  # fmt: skip

    # A dead letter that gives a wrong reason.
    letter = read_all(broker, topics.dlq)[0]
    headers = [(k, b"too_large" if k == "segue.reason" else v) for k, v in letter.headers]
    append(broker, topics.dlq, letter.key, letter.value, letter.partition, headers)
    said = audit(broker, prefix, "--wait", "0", code=1)
    assert said["wrong_reasons"] == 1
    (fault,) = kinds(said)["reason"]
    assert (fault["partition"], fault["offset"]) == poisoned

    # Sessions whose record is not what their events make of them: an outcome, an id, all of it.
    changelog = f"{prefix}segue-worker-sessions-changelog"
    newest = {record.key: record for record in read_all(broker, changelog)}
    first, second, third = sorted(newest)[:3]
    for key, changed in ((first, _other_outcome), (second, _without_an_id)):
        record = newest[key]
        append(broker, changelog, key, changed(record.value), record.partition)
    append(broker, changelog, third, None, newest[third].partition)
    said = audit(broker, prefix, "--wait", "0", code=1)
    assert (said["state_equal"], said["sessions"]["unequal"]) == (False, 3)
    found = {fault["session_id"]: fault["said"] for fault in kinds(said)["state"]}
    assert set(found) == {first.decode(), second.decode(), third.decode()}
    assert found[first.decode()].startswith("history: found")
    assert found[second.decode()].startswith("event_ids: found")
    assert found[third.decode()] == "it has no record; expected one"

    # For people: a table, and each place with what to do.
    ran = run_audit(broker, prefix, "--wait", "0")
    assert ran.returncode == 1
    assert f"{lost[0]}:{lost[1]}  session unheard  neither a list nor a dead letter" in ran.stdout
    for heading in ("missing: ", "conflicting: ", "reason: ", "state: ", "not kept"):
        assert heading in ran.stdout
    assert "Traceback" not in ran.stderr


def _other_outcome(raw: bytes) -> bytes:
    session = unpack(raw)
    track, outcome = session.history[0]
    changed = ((track, (outcome + 1) % 5), *session.history[1:])
    return pack(msgspec.structs.replace(session, history=changed))


def _without_an_id(raw: bytes) -> bytes:
    session = unpack(raw)
    return pack(msgspec.structs.replace(session, event_ids=session.event_ids[:-1]))


def test_since_limits_the_events_and_leaves_out_sessions_that_began_before(
    broker: str, topics: Topics, prefix: str, tmp_path: Path
) -> None:
    bundle = bundles.place(bundles.counts_files(), tmp_path / "bundle")
    with worker(broker, prefix, tmp_path, "--bundle", str(bundle)) as process:
        process.start()
        process.wait_ready()
        for session, event in (("old", "e1"), ("gone", "e1"), ("old", "e2")):
            append(broker, topics.events, session.encode(), now_event(session, event), 2)
        assert audit(broker, prefix, code=0)["sessions"]["compared"] == 2
        # Players repeat: the answer to this one lies long before the events that are counted.
        # (In an audit of the last minutes; here a moment is made to be long.)
        time.sleep(0.05)
        middle = time.time()
        for session, event in (("new", "e1"), ("old", "e3"), ("new", "e2"), ("old", "e1")):
            append(broker, topics.events, session.encode(), now_event(session, event), 2)
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(middle))
        since = f"{moment}.{int(middle % 1 * 1000):03d}Z"
        said = audit(broker, prefix, "--since", since, code=0)
        assert process.stop() == 0
    assert said["since"] == since
    assert (said["events"], said["answered"], said["missing"]) == (4, 4, 0)
    assert said["sessions"] == {"compared": 1, "unequal": 0, "swept": 0, "not_compared": 1}
    assert audit(broker, prefix, "--since", "1d", code=0)["events"] == 7
