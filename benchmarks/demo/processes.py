"""Child processes that certainly end: each with a log of its own and in a group of its own.

A group of its own keeps the terminal's Ctrl-C away from the children, so that they end in the order
that is right and not all at once. It is not a supervisor: nothing is started again.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

_TETHER = str(Path(__file__).with_name("tether.py"))
Command = Sequence[str | os.PathLike[str]]
GRACE = 10.0
"""Seconds from SIGTERM to SIGKILL: a worker ends the batch it has begun and commits."""


class Child:
    """One process; it runs from the moment that this exists. Start it from the main thread."""

    def __init__(
        self,
        name: str,
        command: Command,
        log: Path,
        *,
        niceness: int = 0,
        environment: Mapping[str, str] | None = None,
        orphaned: signal.Signals = signal.SIGTERM,
        cwd: Path | None = None,
    ) -> None:
        """Start it.

        Args:
            name: what it is called.
            command: what it runs.
            log: where stdout and stderr go; begun anew.
            niceness: how far it stands back.
            environment: variables besides ours.
            orphaned: what it gets when we die; one that may be stopped hears SIGKILL alone.
            cwd: the folder it runs in; ours if not given.
        """
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        us = (os.getpid(), niceness, int(orphaned))
        tether = [sys.executable, "-I", "-S", _TETHER, *map(str, us)]
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                [*tether, *command], stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
                start_new_session=True, cwd=cwd,
            )  # fmt: skip

    @property
    def pid(self) -> int:
        """Its process id, which is its group's too."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """None while it runs; then its exit status, or minus the signal that ended it."""
        return self._process.poll()

    @property
    def cpu_seconds(self) -> float | None:
        """Processor time it has used so far; None where the system does not tell."""
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            return None
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # utime + stime

    def said(self) -> str:
        """Everything it has written, stdout and stderr as they came."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def tail(self, lines: int = 15) -> str:
        """The last lines that it wrote."""
        return "\n".join(self.said().rstrip().splitlines()[-lines:])

    def terminate(self) -> None:
        """Ask it to end; it may take its time."""
        self.send(signal.SIGTERM)

    def send(self, number: signal.Signals) -> None:
        """Send it and its group a signal, if it runs."""
        if self.status is None:
            self._signal(number)

    def end(self, deadline: float) -> None:
        """Wait for it until `deadline` (of time.monotonic), then kill what is left of its group."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, deadline - time.monotonic()))
        self._signal(signal.SIGKILL)  # also whatever it left behind in its group
        self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):  # nobody is left in the group
            os.killpg(self.pid, number)


class Processes:
    """Children of one `with` block, ended in the opposite order; none outlives it."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._children: list[Child] = []

    def start(
        self,
        name: str,
        command: Command,
        *,
        niceness: int = 0,
        environment: Mapping[str, str] | None = None,
        orphaned: signal.Signals = signal.SIGTERM,
        cwd: Path | None = None,
    ) -> Child:
        """Start a child that writes to NAME.log; the rest is as Child has it."""
        log = self._logs / f"{name}.log"
        child = Child(
            name, command, log,
            niceness=niceness, environment=environment, orphaned=orphaned, cwd=cwd,
        )  # fmt: skip
        self._children.append(child)
        return child

    def stop(self, *children: Child, grace: float = GRACE) -> None:
        """End these, all asked at once; those that do not end within `grace` seconds are killed."""
        for child in children:
            child.terminate()
        deadline = time.monotonic() + grace
        for child in children:
            child.end(deadline)
            self._children.remove(child)

    def stop_all(self) -> None:
        """End every child, the last started first, so that nobody loses what it still needs."""
        while self._children:
            self.stop(self._children[-1])

    def __enter__(self) -> Processes:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop_all()


def segue(*arguments: str | os.PathLike[str]) -> list[str | os.PathLike[str]]:
    """The command line of `segue ARGUMENTS` in this very environment."""
    return [sys.executable, "-m", "cli.main", *arguments]
