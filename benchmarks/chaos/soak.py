"""Hours of load in small: what each worker holds of memory, files and threads, minute after minute.

Faults are mild: brokers and the network between, no worker is ended, because what is compared is
one and the same process at minute five and at the end. Sessions are kept for a short time, so that
their number is steady too. Reads /proc, so it is for Linux.
"""

from __future__ import annotations

import os
import statistics
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .crew import Crew

KINDS = ("broker-kill", "broker-stop", "link-delay", "link-resets", "link-cut", "prometheus-down")
CALM = (15.0, 40.0)
"""Seconds between faults: a worker is to catch up, or a backlog is measured and no steady state."""
RETENTION_SECONDS = 60
EVERY = 5.0
SETTLED = 300.0
"""Seconds after which a worker has what it needs: what it has then is compared with the end."""
WINDOW = 60.0
GROWTH = 0.02
"""The most that memory may grow from then to the end."""


class Sample(NamedTuple):
    """What one process holds at a moment, seconds after the load began."""

    second: float
    worker: int
    pid: int
    rss: int  # bytes
    descriptors: int
    threads: int


class Sampler:
    """Takes samples of every worker, now and then."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self._next = 0.0

    def look(self, second: float, crew: Crew) -> None:
        """Take samples if it is time."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + EVERY
        for worker in crew.workers:
            if worker.alive:
                found = sample(second, worker.number, worker.child.pid)
                self.samples += [] if found is None else [found]


def sample(second: float, worker: int, pid: int) -> Sample | None:
    """Look at a process; None where it is gone."""
    folder = Path(f"/proc/{pid}")
    try:
        status = dict(
            line.split(":", 1) for line in (folder / "status").read_text().splitlines() if line
        )
        descriptors = len(os.listdir(folder / "fd"))
        rss = int(status["VmRSS"].split()[0]) * 1024
    except (OSError, KeyError):
        return None
    return Sample(second, worker, pid, rss, descriptors, int(status["Threads"]))


def compared(
    samples: Sequence[Sample], settled: float = SETTLED, window: float = WINDOW
) -> list[dict[str, Any]]:
    """Each process that lived from `settled` seconds to the end, then and now.

    Medians over `window` seconds before each of the two moments. Of descriptors and threads the
    least median of the last three windows: what leaked is in all of them, while what a fault cuts
    off, or a client that connects again, is there for a moment. Empty where the run was shorter.
    """
    last = max((one.second for one in samples), default=0.0)
    by_process = defaultdict(list)
    for one in samples:
        by_process[one.worker, one.pid].append(one)
    found = []
    for (worker, _), mine in sorted(by_process.items()):
        then = [one for one in mine if settled - window <= one.second <= settled]
        ends = [last - i * window for i in range(3)]
        late = [[one for one in mine if end - window < one.second <= end] for end in ends]
        if not then or not late[0] or last <= settled:
            continue
        told: dict[str, Any] = {"worker": worker}
        for name, windows in (("rss", 1), ("descriptors", 3), ("threads", 3)):
            before, *after = (
                statistics.median(getattr(one, name) for one in part)
                for part in (then, *late[:windows])
                if part
            )
            told[name] = {"then": round(before), "end": round(min(after))}
        told["rss_growth"] = round(told["rss"]["end"] / told["rss"]["then"] - 1, 4)
        found.append(told)
    return found


def flat(compared: Sequence[dict[str, Any]]) -> bool:
    """Whether memory, files and threads of every worker stayed what they were."""
    return bool(compared) and all(
        told["rss_growth"] <= GROWTH
        and told["descriptors"]["end"] <= told["descriptors"]["then"] + 2
        and told["threads"]["end"] <= told["threads"]["then"]
        for told in compared
    )
