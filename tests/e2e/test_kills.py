"""SIGKILL at any moment loses nothing and changes nothing: the promise, on a real broker."""

import os
import random
import signal
import time
from pathlib import Path

import pytest

from infra.broker import embedded
from infra.topics import Topics, create
from tests import bundles

from .harness import Players, WorkerProcess, audited, kept, wait_for, worker

pytestmark = pytest.mark.broker

TRACKS = [*(f"t{item}" for item in range(1, bundles.TRACKS)), "not in the catalog"]
ROUNDS = 20


def kill_somewhere(process: WorkerProcess, moment: str, rng: random.Random) -> None:
    """Start, and SIGKILL during the start and recovery, at the first events, or in mid-stream."""
    process.start()
    if moment == "start":
        time.sleep(rng.uniform(0.8, 3.0))
    else:
        process.wait_ready()
        time.sleep(rng.uniform(0.0, 0.3) if moment == "first events" else rng.uniform(0.3, 1.5))
    process.kill()


def test_twenty_kills_lose_nothing_and_leave_the_state_of_an_undisturbed_run(
    broker: str, tmp_path: Path
) -> None:
    prefix = f"kills-{random.randrange(10**9)}."
    topics = Topics.named(prefix)
    create(broker, topics, 4, 1)
    bundle = bundles.place(bundles.network_files(), tmp_path / "bundle")
    rng = random.Random(7)
    players = Players(broker, topics.events, TRACKS, rate=100, seed=7)
    with worker(broker, prefix, tmp_path, "--bundle", str(bundle)) as process:
        players.start()
        for number in range(ROUNDS):
            kill_somewhere(process, ("start", "first events", "mid-stream")[number % 3], rng)
        players.stop()
        process.start()
        process.wait_ready()
        found = audited(broker, prefix)
        assert process.stop() == 0
    tally = kept(found)
    assert tally.answered == players.sent > 1000


def test_events_in_flight_when_the_worker_dies_are_answered_by_the_next(tmp_path: Path) -> None:
    prefix = "slow."
    topics = Topics.named(prefix)
    bundle = bundles.place(bundles.network_files(), tmp_path / "bundle")
    with (
        embedded() as broker,
        worker(broker.bootstrap, prefix, tmp_path, "--bundle", str(bundle)) as process,
    ):
        create(broker.bootstrap, topics, 4, 1)
        process.start()
        process.wait_ready()
        players = Players(broker.bootstrap, topics.events, TRACKS, rate=300, seed=3)
        players.start()
        wait_for(lambda: "answered" in answered(process), 20, "events are answered", process)
        # A broker that stands still makes every event in flight as slow as can be.
        os.kill(broker.pid, signal.SIGSTOP)
        time.sleep(1.0)
        process.kill()
        os.kill(broker.pid, signal.SIGCONT)
        players.stop()
        process.start()
        process.wait_ready()
        found = audited(broker.bootstrap, prefix)
        assert process.stop() == 0
    assert kept(found).answered == players.sent


def test_sigterm_answers_what_it_began_and_repeats_nothing(broker: str, tmp_path: Path) -> None:
    prefix = f"term-{random.randrange(10**9)}."
    topics = Topics.named(prefix)
    create(broker, topics, 4, 1)
    bundle = bundles.place(bundles.network_files(), tmp_path / "bundle")
    players = Players(broker, topics.events, TRACKS, rate=150, seed=5)
    with worker(broker, prefix, tmp_path, "--bundle", str(bundle)) as process:
        players.start()
        for _ in range(3):
            process.start()
            process.wait_ready()
            wait_for(lambda: "answered" in answered(process), 20, "events are answered", process)
            assert process.stop() == 0
        players.stop()
        process.start()
        process.wait_ready()
        found = audited(broker, prefix)
        assert process.stop() == 0
    assert kept(found).repeats == 0


def answered(process: WorkerProcess) -> str:
    """The metrics lines of answered events, once there are any."""
    lines = process.metrics().splitlines()
    return "\n".join(
        line
        for line in lines
        if line.startswith('segue_events_total{outcome="answered"}') and not line.endswith(" 0.0")
    )
