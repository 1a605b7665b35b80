"""`segue replay` as another process runs it: exit codes, JSON, and Ctrl-C."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from infra.node import free_ports
from infra.reader import assigned, reading

ROOT = Path(__file__).parents[2]


def start(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "cli.main", "replay", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def run(*arguments: object) -> tuple[int, str, str]:
    process = start(*arguments)
    stdout, stderr = process.communicate(timeout=60)
    return process.returncode, stdout, stderr


def test_a_replay_reports_what_was_sent_and_acknowledged(broker, topics, prefix, tmp_path):
    ledger = tmp_path / "ledger.jsonl"
    code, stdout, _ = run(
        "--bootstrap", broker, "--prefix", prefix, "--data", "simulated:sessions=20",
        "--rate", 500, "--sessions", 4, "--starts", "--json", "--ledger", ledger,
    )  # fmt: skip
    report = json.loads(stdout)
    assert code == 0
    assert report["sent"] == report["acknowledged"] == len(ledger.read_text().splitlines())
    assert 80 <= report["sent"] <= 160  # 4 sessions of 10 to 20 tracks, two events each
    assert report["topic"] == topics.events
    assert report["data"] == {"name": "simulated", "simulated": True}
    entry = json.loads(ledger.read_text().splitlines()[0])
    assert list(entry) == ["session_id", "event_id", "partition", "offset", "sent_at"]
    assert entry["session_id"].startswith(report["run"])


def test_hashed_sessions_leave_no_session_id(broker, topics, prefix, tmp_path, monkeypatch):
    where = ("--bootstrap", broker, "--prefix", prefix, "--data", "simulated:sessions=2")
    code, _, stderr = run(*where, "--hash-sessions")
    assert (code, "session_key_file" in stderr) == (2, True)
    monkeypatch.setenv("SEGUE_PRIVACY__SESSION_KEY", "0123456789abcdef")
    ledger = tmp_path / "ledger.jsonl"
    code, _, stderr = run(*where, "--rate", 500, "--hash-sessions", "--ledger", ledger)
    assert code == 0, stderr
    sent = {json.loads(line)["session_id"] for line in ledger.read_text().splitlines()}
    assert len(sent) == 2
    assert all(re.fullmatch("[0-9a-f]{32}", session_id) for session_id in sent)


def test_ctrl_c_ends_it_cleanly_with_a_report(broker, topics, prefix):
    process = start(
        "--bootstrap", broker, "--prefix", prefix, "--data", "simulated:sessions=2000",
        "--rate", 200, "--json",
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not events_in(broker, topics.events):
        assert time.monotonic() < deadline, "no event arrived"
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    report = json.loads(stdout)
    assert process.returncode == 0, stderr
    assert report["stopped"] is True
    assert report["sent"] == report["acknowledged"] == events_in(broker, topics.events)


def test_no_broker_exits_3_and_says_so_in_one_line():
    (port,) = free_ports(1)
    code, stdout, stderr = run("--bootstrap", f"127.0.0.1:{port}", "--data", "simulated:sessions=5")
    assert (code, stdout) == (3, "")
    assert str(port) in stderr
    assert len(stderr.splitlines()) == 1


def test_misuse_exits_2_and_says_so_in_one_line():
    code, stdout, stderr = run("--bootstrap", "127.0.0.1:1", "--data", "nothing")
    assert (code, stdout) == (2, "")
    assert len(stderr.splitlines()) == 1


def events_in(bootstrap: str, topic: str) -> int:
    with reading(bootstrap) as consumer:
        partitions = assigned(consumer, topic)
        return sum(consumer.end_offsets(partitions).values())
