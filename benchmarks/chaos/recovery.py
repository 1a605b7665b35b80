"""How long a fresh worker takes to have a hundred thousand sessions again, and whether it has them.

A worker answers the sessions' events and is killed; another, which has nothing but the changelog,
is timed from its start to its first answers. Then one more event goes to some of the sessions: only
a worker that has their state can go on with it, and the audit compares every session.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from infra.broker import BrokerError, embedded
from infra.reader import reading
from infra.topics import Topics, create
from streams.inspection import Inspection
from streams.settings import load_settings

from .. import stand_in
from ..demo.processes import Child, Processes, segue
from ..demo.scrape import metrics, ready
from ..load import Sender

PARTITIONS = 4
TRACKS = 1000
EVENTS = 2  # of each session, before the kill
TOUCHED = 5000  # sessions that get another event afterwards
BAR = 60.0
"""Seconds from the start of the process to its readiness."""
_PIECE = 20_000  # events handed over at once
_WARM_SECONDS = 1800.0
_COLD_SECONDS = 600.0

Tell = Callable[[str], None]


def recover(sessions: int, folder: Path, seed: int, tell: Tell) -> dict[str, Any]:
    """Fill, kill, recover, compare.

    Raises:
        BrokerError: something could not be started, or did not come to an end.
    """
    topics = Topics.named()
    rng = random.Random(seed)
    tracks = stand_in.track_ids(TRACKS)
    with ExitStack() as stack:
        processes = stack.enter_context(Processes(folder / "logs"))
        python = [sys.executable, "-m", "benchmarks.stand_in", str(folder / "bundle"), str(TRACKS)]
        model = processes.start("model", python, environment={"OMP_NUM_THREADS": "1"})
        bootstrap = stack.enter_context(embedded()).bootstrap
        create(bootstrap, topics, PARTITIONS, 1)
        _until(lambda: model.status == 0, model, 120)
        consumer = stack.enter_context(reading(bootstrap))
        sender = stack.enter_context(Sender(bootstrap))
        first = _worker(processes, "worker-0", folder, bootstrap)
        _until(lambda: ready(first), first, 120)
        began = time.monotonic()
        for number in range(EVENTS):
            for start in range(0, sessions, _PIECE):
                some = range(start, min(start + _PIECE, sessions))
                sender.send(topics.events, _events(some, number, tracks, rng), 1e9)
                _until(lambda: _left(consumer, topics) < _PIECE, first, _WARM_SECONDS)
                tell(f"{number * sessions + some.stop} of {EVENTS * sessions} events sent")
        _until(lambda: _left(consumer, topics) == 0, first, _WARM_SECONDS)
        filled = time.monotonic() - began
        tell(f"{sessions} sessions made in {filled:.0f} s; the worker is killed")
        processes.stop(first, grace=0.0)
        began = time.monotonic()
        second = _worker(processes, "worker-1", folder, bootstrap)
        _until(lambda: ready(second), second, _COLD_SECONDS)
        cold = time.monotonic() - began
        there = sum(value for _, value in metrics(second)["segue_sessions"])
        tell(f"ready after {cold:.1f} s with {there:.0f} sessions")
        touched = rng.sample(range(sessions), min(sessions, TOUCHED))
        sender.send(topics.events, _events(touched, EVENTS, tracks, rng), 1e9)
        settings = load_settings()
        limits = settings.session.limits
        found = Inspection(consumer, topics, settings.changelog, limits).run(wait_seconds=120)
    record = found.record()
    return {
        **{name: value for name, value in record.items() if name != "faults"},
        "troubles": record["faults"],
        "recovered_sessions": round(there),
        "expected_sessions": sessions,
        "recovery_seconds": round(cold, 2),
        "recovery_bar_seconds": BAR,
        "filled_seconds": round(filled, 1),
        "touched_sessions": len(touched),
        "seed": seed,
        "kept": found.kept and round(there) == sessions and found.comparison.unknown == 0,
    }


def _events(
    numbers: range | list[int], turn: int, tracks: tuple[str, ...], rng: random.Random
) -> Iterator[tuple[str, str, bytes]]:
    moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    for number in numbers:
        event = {
            "session_id": f"r-{number}",
            "track_id": rng.choice(tracks),
            "event": "skip" if rng.random() < 0.3 else "play",
            "occurred_at": moment,
            "event_id": f"r-{number}-{turn}",
        }
        yield event["event_id"], event["session_id"], json.dumps(event).encode()


def _worker(processes: Processes, name: str, folder: Path, bootstrap: str) -> Child:
    command = segue(
        "worker", "--bundle", folder / "bundle", "--models", folder / "models",
        "--bootstrap", bootstrap, "--metrics-port", "0",
    )  # fmt: skip
    environment = {"SEGUE_WORKER__SESSION_TIMEOUT_SECONDS": "3", "OMP_NUM_THREADS": "1"}
    return processes.start(name, command, environment=environment)


def _left(consumer: KafkaConsumer, topics: Topics) -> int:
    """Events that have no list yet; none is sent twice here, and none is refused."""
    counts = []
    for topic in (topics.events, topics.recommendations):
        partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        counts.append(sum(consumer.end_offsets(partitions).values()))
    left: int = counts[0] - counts[1]
    return max(0, left)


def _until(condition: Callable[[], bool], child: Child, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if child.status or time.monotonic() > deadline:
            raise BrokerError(f"{child.name} did not get there:\n{child.tail()}")
        time.sleep(0.1)
