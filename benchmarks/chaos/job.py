"""The fine-tune job of a run: `segue finetune --every`, whichever process it is by now.

Started again when it ends by itself, as whoever runs it in earnest would, and that is counted.
"""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Sequence
from typing import Any

from models.registry import Registry

from ..demo.processes import Child, Processes, segue
from .base import NAME, Base

EVERY, MIN_SESSIONS, SECONDS = "2s", "60", "6"
PAUSE = 1.0
"""Seconds after which a job that ended by itself is started again."""
_COMPLAINT = "no fine-tune"
_BEGINS = re.compile(rf"{NAME} \S+: \d+ records")


class Job:
    """One job after the other, on one model line."""

    def __init__(self, processes: Processes, base: Base, bootstrap: str) -> None:
        self.base = base
        self.wanted = False
        self.ended: list[int] = []  # statuses of those that ended by themselves
        self._processes = processes
        self._command = segue(
            "finetune", "--every", EVERY, "--min-sessions", MIN_SESSIONS, "--seconds", SECONDS,
            "--name", NAME, "--models", base.root, "--bundle", base.bundle,
            "--bootstrap", bootstrap, "--json",
        )  # fmt: skip
        self._options: Sequence[str] = ()
        self._children: list[Child] = []
        self._fell = 0.0

    @property
    def child(self) -> Child:
        """Its present process, or its last."""
        return self._children[-1]

    @property
    def alive(self) -> bool:
        """Whether its process runs; it may be stopped."""
        return bool(self._children) and self.child.status is None

    @property
    def doing(self) -> str:
        """What it is at: `training`, `judging`, `exporting`, or `waiting`."""
        for line in reversed(self.child.said().splitlines()):
            if line.startswith("accepted; exporting"):
                return "exporting"
            if line.startswith("trained in"):
                return "judging"
            if _BEGINS.match(line):
                return "training"
            if line.startswith(("{", _COMPLAINT, NAME)):
                return "waiting"
        return "waiting"

    def start(self, *options: str) -> None:
        """Start it with options of its own, if it does not run."""
        self.wanted, self._options = True, options
        if not self.alive:
            name = f"finetune-{len(self._children)}"
            self._children.append(
                self._processes.start(name, [*self._command, *options], orphaned=signal.SIGKILL)
            )

    def kill(self) -> None:
        """SIGKILL."""
        self.wanted = False
        if self.alive:
            self.child.send(signal.SIGKILL)
            self.child.end(time.monotonic() + 5)

    def terminate(self) -> None:
        """SIGTERM."""
        self.wanted = False
        if self.alive:
            self.child.terminate()

    def hold(self) -> None:
        """SIGSTOP."""
        self.child.send(signal.SIGSTOP)

    def release(self) -> None:
        """SIGCONT."""
        if self._children:
            self.child.send(signal.SIGCONT)

    def look(self) -> int | None:
        """Start it again, after a pause, when it ended by itself; give its status once."""
        if not self.wanted or self.alive:
            self._fell = 0.0
            return None
        now = time.monotonic()
        if not self._fell:
            self._fell = now
            status = self.child.status
            assert status is not None
            self.ended.append(status)
            return status
        if now - self._fell > PAUSE:
            self.start(*self._options)
        return None

    def stop(self, seconds: float = 20.0) -> None:
        """End it, and wait for that."""
        self.release()
        self.terminate()
        self.child.end(time.monotonic() + seconds)

    def verdicts(self) -> list[dict[str, Any]]:
        """What the gate said so far, the oldest first."""
        return [
            record
            for record in Registry(self.base.root).verdicts(NAME)
            if record["event"] == "finetune"
        ]

    def complaints(self) -> list[str]:
        """Why a turn came to nothing, as its present process said it."""
        return [line for line in self.child.said().splitlines() if line.startswith(_COMPLAINT)]


def in_words(verdict: dict[str, Any]) -> str:
    """A verdict, with the reasons against."""
    return "; ".join([json.dumps(verdict["verdict"]).strip('"'), *verdict["reasons"]])
