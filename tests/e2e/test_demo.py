"""`segue demo` as a person runs it: the report at the end, and nothing left behind, ever."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from kafka.admin import KafkaAdminClient

ROOT = Path(__file__).parents[2]
TINY = ("--data", "simulated:sessions=500,tracks=120,seed=2", "--epochs", "1", "--rate", "60")
MARK = "DEMO_TEST_MARK"


class Demo:
    """One run; every process that comes of it carries its mark in the environment."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.mark = uuid.uuid4().hex
        self.out = folder / f"{self.mark}.out"
        self.report = folder / f"{self.mark}.json"
        command = [sys.executable, "-m", "cli.main", "demo", *TINY, *arguments]
        command += ["--dir", str(folder / "demo"), "--report", str(self.report)]
        with self.out.open("wb") as out:
            self.process = subprocess.Popen(
                command, stdout=out, stderr=out, cwd=ROOT, env={**os.environ, MARK: self.mark}
            )

    @property
    def said(self) -> str:
        return self.out.read_text(errors="replace")

    def until(self, condition: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, f"it ended:\n{self.said}"
            assert time.monotonic() < deadline, f"not in {seconds} s:\n{self.said}"
            time.sleep(0.05)

    def ended(self, seconds: float) -> int:
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it did not end within {seconds} s:\n{self.said}") from None

    def processes(self) -> list[str]:
        """The command lines of everything that carries the mark and runs."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if f"{MARK}={self.mark}".encode() in (folder / "environ").read_bytes():
                    command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    found += [command] if command else []
            except OSError:
                continue
        return found

    def result(self) -> dict[str, object]:
        record: dict[str, object] = json.loads(self.report.read_text())
        return record

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """One folder for all, so that the base model is trained once."""
    made: Path = tmp_path_factory.mktemp("demo")
    return made


@pytest.fixture
def demo(folder) -> Iterator[Callable[..., Demo]]:
    runs: list[Demo] = []

    def start(*arguments: str) -> Demo:
        runs.append(Demo(folder, *arguments))
        return runs[-1]

    yield start
    for run in runs:
        run.close()


def topics_of(bootstrap: str) -> Sequence[str]:
    with closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as admin:
        names: Sequence[str] = admin.list_topics()
        return names


def test_a_demo_loses_nothing_reports_everything_and_leaves_nothing(demo, folder):
    run = demo("--seconds", "12")
    run.until(lambda: "first live recommendation" in run.said, 240)
    names = " ".join(run.processes())
    for name in ("kafka.Kafka", "worker", "replay", "finetune"):
        assert name in names, f"{name} is no process of its own"
    assert run.ended(90) == 0, run.said
    assert run.processes() == []
    report = run.result()
    assert report["missing"] == 0
    assert report["events_in"] == report["answered"] + report["dead_lettered"]
    assert report["answered"] >= 12 * 60 * 0.9
    assert report["dead_lettered"] == report["poison_sent"] > 0
    assert report["conflicts"] == []
    assert report["state_equal"] is True
    assert report["sessions_compared"] > 0
    assert report["latency_ms"]["p50"] <= report["latency_ms"]["p99"]
    assert set(report["hit_rate_at_10"]) == {"model", "popularity", "markov"}
    assert report["occurrences"] > 300
    assert report["data"]["simulated"] is True
    assert report["model_versions"] == [report["base"]["version"]] or report["swaps"] >= 1
    assert not (folder / "demo" / "run").exists()


def test_ctrl_c_ends_everything_at_any_moment_and_sums_up(demo, folder, broker):
    """On a broker that is not the demo's: it must be left as it was."""
    trained = any((folder / "demo" / "base").glob("*/complete.json"))
    run = demo("--seconds", "60", "--bootstrap", broker)
    run.until(lambda: "first live recommendation" in run.said, 240)
    assert ("is there: same data, choices and code" in run.said) == trained
    run.process.send_signal(signal.SIGINT)
    assert run.ended(40) == 130, run.said
    assert run.processes() == []
    assert "stopped early" in run.said
    report = run.result()
    assert report["interrupted"] is True
    assert report["events_in"] == report["answered"] + report["dead_lettered"] + report["missing"]
    assert report["missing"] == 0  # what was sent by then was still waited for
    assert not [name for name in topics_of(broker) if name.startswith("demo-")]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_demo_that_is_told_to_end_while_it_prepares_leaves_nothing(demo, number):
    run = demo("--seed", "1")  # another base, so that training is under way
    run.until(lambda: "train SASRec" in run.said, 60)
    run.until(lambda: any("train" in command for command in run.processes()), 20)
    run.process.send_signal(number)
    assert run.ended(30) == 130
    assert run.processes() == []


def test_a_demo_that_is_killed_outright_takes_its_processes_along(demo):
    run = demo()
    run.until(lambda: "make the topics" in run.said, 60)
    run.process.kill()
    run.process.wait(10)
    deadline = time.monotonic() + 30
    while run.processes():
        assert time.monotonic() < deadline, run.processes()
        time.sleep(0.1)
