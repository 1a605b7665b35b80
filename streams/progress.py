"""Whether a process makes progress: what waits, and since when it has stood where it stands.

Pure; time is an argument. What counts as waiting is for whoever looks to say (worker/app.py).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping


class Progress:
    """Remembers since when each thing that waits has not moved.

    A worker with nothing to do has nothing that waits, so it makes progress for ever. One thread
    writes; others may ask.

    Args:
        patience: seconds that something may wait without moving, and that nobody may look.
        now: the moment of the first look.
    """

    def __init__(self, patience: float, now: float) -> None:
        self.patience = patience
        self._looked = now
        self._since: dict[str, tuple[Hashable, float]] = {}  # what -> (where it stands, since when)

    def look(self, waiting: Mapping[str, Hashable], now: float) -> None:
        """Take note of what waits at the moment, and of where each thing stands."""
        before = self._since
        self._since = {
            what: before[what] if what in before and before[what][0] == place else (place, now)
            for what, place in waiting.items()
        }
        self._looked = now

    def stalled(self, now: float) -> tuple[str, float] | None:
        """What has stood longest, and for how many seconds too long; None while all is well."""
        standing = [
            (since, f"{what} stands at {place}") for what, (place, since) in self._since.items()
        ]
        standing.append((self._looked, "the event loop does not turn"))
        since, said = min(standing)
        over = now - since - self.patience
        return (f"{said} for {now - since:.0f} s", over) if over >= 0 else None
