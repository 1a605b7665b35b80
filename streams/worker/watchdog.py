"""Ends a worker that makes no progress, so that whoever supervises it starts another.

A thread of its own: what it watches may be the event loop itself. It ends the process as SIGKILL
would, because a worker that stands cannot be asked to finish; nothing is lost by that (the kill
tests), and what was not committed is delivered again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Hashable, Mapping

from ..monitoring import Health
from ..progress import Progress

logger = logging.getLogger(__name__)

TICK_SECONDS = 1.0
STALLED = 3
"""The exit code: something outside this process is missing, or another start may help."""


def end_process(code: int) -> None:
    """End without unwinding: threads and futures that stand would hold the process."""
    logging.shutdown()
    os._exit(code)


class Watchdog:
    """Asks the event loop every second what waits, and judges it from a thread.

    Its clock counts its own ticks: a process that was suspended as a whole has not stalled.

    Args:
        loop: the event loop that `look` is called on.
        look: what waits, and where each thing stands.
        health: what `/live` says.
        patience: seconds without progress after which the process is not live.
        grace: seconds that it may go on not being live.
        end: ends the process; another one in tests.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        look: Callable[[], Mapping[str, Hashable]],
        health: Health,
        *,
        patience: float,
        grace: float,
        end: Callable[[int], None] = end_process,
        tick: float = TICK_SECONDS,
    ) -> None:
        self._loop, self._look, self._health = loop, look, health
        self._grace, self._end, self._tick = grace, end, tick
        self._seconds = 0.0
        self._progress = Progress(patience, 0.0)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="segue-watchdog", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.wait(self._tick):
            self._seconds += self._tick
            try:
                self._loop.call_soon_threadsafe(self._note, self._seconds)
            except RuntimeError:  # the loop is closed: the process ends by itself
                return
            stalled = self._progress.stalled(self._seconds)
            self._tell(stalled and stalled[0])
            if stalled is not None and stalled[1] >= self._grace:
                logger.critical(
                    "no progress: %s; the process ends with code %d so that a supervisor starts "
                    "another: what was not committed is delivered again; look at the broker, then "
                    "at the lines above",
                    stalled[0], STALLED,
                )  # fmt: skip
                self._end(STALLED)
                return

    def _note(self, seconds: float) -> None:
        try:
            waiting = self._look()
        except Exception:
            # Not noted: what cannot be looked at for long is no progress either.
            logger.exception("looking for progress failed")
            return
        self._progress.look(waiting, seconds)

    def _tell(self, stalled: str | None) -> None:
        if stalled is not None and self._health.stalled is None:
            logger.error("not live: %s", stalled)
        elif stalled is None and self._health.stalled is not None:
            logger.warning("live again")
        self._health.stalled = stalled
