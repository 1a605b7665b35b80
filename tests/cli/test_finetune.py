"""`segue finetune`: exit codes, output, and a clean end."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from streams.announcements import latest
from tests.learners import BASE, NAME, feedback_of, listeners, place_base, send

STREAM = feedback_of(listeners()["stream"])


def command(*arguments: object) -> list[str]:
    code = "from cli.main import main; main()"
    return [sys.executable, "-W", "ignore", "-c", code, "finetune", *map(str, arguments)]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=120, check=False
    )


def test_a_better_candidate_is_announced_and_exit_code_0(broker, prefix, topics, tmp_path):
    place_base(tmp_path)
    send(broker, topics.feedback, STREAM)
    where = ("--bootstrap", broker, "--prefix", prefix, "--models", tmp_path)
    done = run(*where, "--once", "--min-sessions", 100, "--json", "--nice", 0)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)  # progress went elsewhere
    assert (result["verdict"], result["parent"]) == ("accepted", BASE)
    assert latest(broker, topics.models)[NAME].version == result["version"]
    assert "400 sessions" in done.stderr
    assert "accepted; exporting" in done.stderr

    waiting = run(*where, "--min-sessions", 150)
    assert waiting.returncode == 0
    assert "133 sessions of feedback, waiting for 150" in waiting.stdout


def test_a_refusal_is_exit_code_1_with_its_numbers(broker, prefix, topics, tmp_path):
    place_base(tmp_path)
    send(broker, topics.feedback, STREAM[:300])  # some 20 sessions: no evidence either way
    where = ("--bootstrap", broker, "--prefix", prefix, "--models", tmp_path)
    done = run(*where, "--once", "--min-sessions", 10, "--seconds", 1)
    assert done.returncode == 1, done.stderr
    assert "refused after" in done.stdout
    assert "not enough evidence: window has" in done.stdout
    assert "window_targets" in done.stdout
    assert latest(broker, topics.models) == {}


def test_a_rate_at_which_training_diverges_is_refused_with_the_reason(
    broker, prefix, topics, tmp_path
):
    place_base(tmp_path)
    send(broker, topics.feedback, STREAM)
    where = ("--bootstrap", broker, "--prefix", prefix, "--models", tmp_path)
    done = run(*where, "--once", "--min-sessions", 100, "--learning-rate", "1e38", "--json")
    assert done.returncode == 1, done.stderr
    result = json.loads(done.stdout)
    assert result["verdict"] == "refused"
    assert result["reasons"][0].startswith("training failed: ")
    assert latest(broker, topics.models) == {}


def test_without_a_broker_the_exit_code_is_3_and_says_what_to_do(tmp_path):
    done = run("--bootstrap", "127.0.0.1:1", "--models", tmp_path, "--once")
    assert done.returncode == 3
    assert "no broker answers" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "wrong",
    [
        ["--once", "--every", "60s"],
        ["--every", "soon"],
        ["--every", "0s"],
        ["--every", "1m", "--learning-rate", "0"],
    ],
)
def test_misuse_is_exit_code_2(wrong):
    done = run("--bootstrap", "127.0.0.1:1", *wrong)
    assert done.returncode == 2
    assert "segue: --" in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_it_cleanly_and_a_broker_that_is_away_does_not(number, code, tmp_path):
    process = subprocess.Popen(
        command("--bootstrap", "127.0.0.1:1", "--models", tmp_path, "--every", "1s"),
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stderr is not None
    tries = [process.stderr.readline() for _ in range(2)]
    assert all("no fine-tune: no broker answers" in line for line in tries)
    process.send_signal(number)
    assert process.wait(20) == code
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()


def test_with_a_port_its_metrics_are_served(broker, prefix, topics, tmp_path):
    place_base(tmp_path)
    where = ("--bootstrap", broker, "--prefix", prefix, "--models", tmp_path)
    process = subprocess.Popen(
        command(*where, "--every", "1s", "--metrics-port", 0),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        url = process.stderr.readline().split()[-1]
        assert wait_for(url, 'segue_finetunes_total{verdict="nothing_to_do"}')
    finally:
        process.terminate()
        process.wait(20)
        process.stderr.close()


def wait_for(url: str, text: str, timeout: float = 60.0) -> bool:
    import urllib.request

    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        with urllib.request.urlopen(url) as answer:
            if text in answer.read().decode():
                return True
        threading.Event().wait(0.1)
    return False
