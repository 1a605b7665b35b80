"""The workers: each a `segue worker` that can be killed, stopped, lost and started again.

A worker that ends by itself is started again, as whoever runs it in earnest would, and that is
counted: `endings` are part of the report.
"""

from __future__ import annotations

import re
import shutil
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from ..demo.processes import Child, Command, Processes
from ..demo.scrape import ready

_BEGINS = re.compile(r"^([\d-]+ [\d:]+,\d+) .* partitions begin at \{(.*?)\}", re.MULTILINE)
PAUSE = 1.0
"""Seconds after which a worker that ended by itself is started again."""


class Held(NamedTuple):
    """An assignment: the partitions that a worker answers from a moment on."""

    at: float  # seconds since 1970
    worker: int
    partitions: frozenset[int]


class Ending(NamedTuple):
    """A worker that ended, asked or not."""

    at: float  # seconds since 1970
    worker: int
    status: int
    asked: bool
    seconds: float | None  # from SIGTERM on; None without, or while it was still starting


class Worker:
    """One worker, whichever process it is by now."""

    def __init__(
        self,
        number: int,
        processes: Processes,
        command: Command,
        folder: Path,
        environment: Mapping[str, str],
    ) -> None:
        self.number = number
        self.wanted = False  # up: one that ended by itself is started again
        self.endings: list[Ending] = []
        self._processes, self._command = processes, command
        self._folder, self._environment = folder, environment
        self._children: list[Child] = []
        self._asked: float | None = None  # since when it is to end, by SIGTERM
        self._began = False  # to answer, before it was asked to end
        self._noticed = True  # its present end

    @property
    def child(self) -> Child:
        """Its present process, or its last."""
        return self._children[-1]

    @property
    def alive(self) -> bool:
        """Whether its process runs; it may be stopped."""
        return bool(self._children) and self.child.status is None

    @property
    def ready(self) -> bool:
        """Whether it answers events."""
        return self.alive and ready(self.child)

    def start(self) -> None:
        """Start it, if it does not run."""
        self.wanted = True
        self.notice()
        if self.alive:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        self._asked, self._began, self._noticed = None, False, False
        self._children.append(
            self._processes.start(
                f"worker-{self.number}-{len(self._children)}", self._command,
                environment=self._environment, cwd=self._folder, orphaned=signal.SIGKILL,
            )
        )  # fmt: skip

    def kill(self) -> None:
        """SIGKILL."""
        self.wanted = False
        if self.alive:
            self.child.send(signal.SIGKILL)
            self.child.end(time.monotonic() + 5)
        self.notice(asked=True)

    def lose(self) -> None:
        """SIGKILL, and remove the folder in which it ran."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def terminate(self) -> None:
        """SIGTERM."""
        self.wanted = False
        if self.alive:
            self._asked = time.monotonic()
            self._began = "ready: " in self.child.said()
            self.child.terminate()

    def hold(self) -> None:
        """SIGSTOP."""
        self.child.send(signal.SIGSTOP)

    def release(self) -> None:
        """SIGCONT."""
        if self._children:
            self.child.send(signal.SIGCONT)

    def notice(self, *, asked: bool = False) -> Ending | None:
        """Write down that it ended, once."""
        if self._noticed or self.alive:
            return None
        self._noticed = True
        status = self.child.status
        assert status is not None
        since = None if self._asked is None else time.monotonic() - self._asked
        asked = asked or self._asked is not None
        ending = Ending(time.time(), self.number, status, asked, since if self._began else None)
        self.endings.append(ending)
        return ending

    def held(self) -> Iterator[Held]:
        """Every assignment that its processes wrote down."""
        for child in self._children:
            for moment, partitions in _BEGINS.findall(child.said()):
                at = datetime.strptime(moment, "%Y-%m-%d %H:%M:%S,%f").timestamp()
                found = frozenset(int(p.split(":")[0]) for p in partitions.split(",") if p)
                yield Held(at, self.number, found)

    def last_words(self) -> str:
        """The end of its log."""
        return self.child.tail(25)


class Crew:
    """All workers of a group."""

    def __init__(self, workers: Sequence[Worker]) -> None:
        self.workers = workers
        self._fell: dict[int, float] = {}

    def look(self) -> list[Ending]:
        """Start again, after a pause, who ended by itself; give the endings that are new."""
        now = time.monotonic()
        new = []
        for worker in self.workers:
            if (ending := worker.notice()) is not None:
                new.append(ending)
                self._fell[worker.number] = now
            since = self._fell.get(worker.number, 0.0)
            if worker.wanted and not worker.alive and now - since > PAUSE:
                worker.start()
        return new

    @property
    def ready(self) -> bool:
        """Whether every worker answers."""
        return all(worker.ready for worker in self.workers)

    def heal(self) -> None:
        """Let every worker run."""
        for worker in self.workers:
            worker.release()
            if not worker.wanted and worker.alive:
                worker.child.end(time.monotonic() + 10)
            worker.start()

    def held(self) -> list[Held]:
        """Every assignment of the run, in order of time."""
        return sorted(found for worker in self.workers for found in worker.held())

    def endings(self) -> list[Ending]:
        """Every end of a process, in order of time."""
        return sorted(ending for worker in self.workers for ending in worker.endings)

    def stop(self, seconds: float = 20.0) -> list[Ending]:
        """SIGTERM to all; give how each ended."""
        for worker in self.workers:
            worker.terminate()
        deadline = time.monotonic() + seconds
        while any(worker.alive for worker in self.workers) and time.monotonic() < deadline:
            self._note_ends()
            time.sleep(0.02)
        for worker in self.workers:
            if worker.alive:
                worker.child.end(deadline)
        self._note_ends()
        return [worker.endings[-1] for worker in self.workers if worker.endings]

    def _note_ends(self) -> None:
        for worker in self.workers:
            worker.notice()
