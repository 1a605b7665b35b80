"""`segue chaos` as a person runs it: brokers, workers, faults, a verdict, and nothing left."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from benchmarks.chaos import disks

ROOT = Path(__file__).parents[3]
MARK = "CHAOS_TEST_MARK"
KINDS = {"worker-kill", "worker-cut", "broker-kill", "link-cut", "clock-skew"}

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")


def started(folder: Path, mark: str, *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "cli.main", "chaos", *arguments, "--dir", str(folder / "dir")]
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        env = {**os.environ, MARK: mark}
        return subprocess.Popen(command, stdout=out, stderr=err, cwd=ROOT, env=env)


def marked(mark: str) -> list[int]:
    """Processes of a run."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except OSError:  # gone, or somebody else's
            continue
    return found


def none_left(mark: str, seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while marked(mark) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not marked(mark)


def test_brokers_and_workers_die_or_are_cut_off_clocks_are_wrong_and_nothing_is_lost(tmp_path):
    mark, drawn = uuid.uuid4().hex, tmp_path / "run.svg"
    process = started(
        tmp_path, mark, "--seed", "55", "--minutes", "0.7", "--workers", "2", "--rate", "40",
        "--session-timeout", "2", "--only", ",".join(KINDS), "--picture", str(drawn), "--json",
    )  # fmt: skip
    code = process.wait(280)
    assert code == 0, (tmp_path / "err").read_text()
    record = json.loads((tmp_path / "out").read_text())
    counted = record["answered"] + record["dead_lettered"]
    assert record["events"] == counted > 1000
    ahead = next(fault for fault in record["faults"] if fault["kind"] == "clock-skew")
    assert ahead["target"] == "players +90 min"
    assert record["dead_lettered"] > 100  # a third of ten seconds' events, and the poison
    (cut,) = [fault for fault in record["faults"] if fault["kind"] == "worker-cut"]
    assert cut["target"].startswith("worker 1, ")
    assert (record["missing"], record["conflicting"], record["lost"]) == (0, 0, 0)
    assert record["state_equal"]
    assert record["sessions"]["compared"] > 20
    assert record["sessions"]["not_compared"] == 0
    assert record["acknowledged"] >= 0.9 * record["sent"]
    assert {fault["kind"] for fault in record["faults"]} == KINDS
    assert all("ended" in fault for fault in record["faults"]), record["faults"]
    assert [end["status"] for end in record["sigterm"]] == [0, 0]
    assert ET.parse(drawn).getroot().tag.endswith("svg")
    assert none_left(mark)


def test_a_job_that_diverges_or_finds_its_disk_full_is_refused_and_the_champion_serves_on(tmp_path):
    kinds = ["finetune-diverging", *(["models-disk-full"] if disks.possible() else [])]
    process = started(
        tmp_path, uuid.uuid4().hex, "--seed", "0", "--minutes", "0.7", "--nodes", "1",
        "--workers", "1", "--rate", "80", "--only", ",".join(kinds), "--json",
    )  # fmt: skip
    code = process.wait(400)
    assert code == 0, (tmp_path / "err").read_text()
    record = json.loads((tmp_path / "out").read_text())
    assert (record["missing"], record["conflicting"], record["state_equal"]) == (0, 0, True)
    came = {fault["kind"]: fault["came_to"] for fault in record["faults"] if "came_to" in fault}
    assert came["finetune-diverging"].startswith("refused; training failed: ")
    if "models-disk-full" in kinds:
        assert "No space left on device" in came["models-disk-full"]
    learning = record["learning"]
    assert learning["verdicts"]["refused"] >= 1
    assert (learning["unannounced"], learning["unsound"]) == ([], [])
    assert learning["not_on_the_champion"] == []
    assert learning["job_ended_by_itself"] == []


def test_ctrl_c_ends_all_that_was_started(tmp_path):
    mark = uuid.uuid4().hex
    process = started(tmp_path, mark, "--minutes", "5")
    try:
        deadline = time.monotonic() + 60
        while len(marked(mark)) < 5 and time.monotonic() < deadline:  # brokers and their leashes
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    finally:
        process.kill()
    assert none_left(mark)
    assert not (tmp_path / "dir" / "run").exists()
