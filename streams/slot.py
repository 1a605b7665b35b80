"""The scorer that serves, the one before it, and what an announcement asks of the two.

Pure: no broker, no clock, no file. The thread that reads announcements and loads is in swap.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import msgspec

from .events import ModelAnnouncement

if TYPE_CHECKING:
    from .scoring import Scorer

_Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class ModelSlot:
    """The scorer that serves and the one before it.

    One thread writes; a batch reads `current` once and keeps it, so a swap falls between batches.
    """

    def __init__(self, current: Scorer | None = None) -> None:
        # One tuple: no reader sees the current of one swap and the previous of another.
        self._scorers: tuple[Scorer | None, Scorer | None] = (current, None)

    @property
    def current(self) -> Scorer | None:
        """The scorer that serves; None before the first."""
        return self._scorers[0]

    @property
    def previous(self) -> Scorer | None:
        """The scorer before it, still loaded; None where there is none to go back to."""
        return self._scorers[1]

    def swap(self, scorer: Scorer) -> None:
        """Let `scorer` serve, and keep the one that served."""
        self._scorers = (scorer, self.current)

    def rollback(self) -> bool:
        """Let the previous scorer serve again and forget the current; False if there is none."""
        previous = self.previous
        if previous is None:
            return False
        self._scorers = (previous, None)
        return True


class Action(Enum):
    """What an announcement asks of a slot."""

    NOTHING = "nothing"
    ALREADY = "already"
    """The champion serves."""
    LOAD = "load"
    """The champion must be loaded, then swapped in."""
    RETURN = "return"
    """The champion is the scorer before this one, still loaded: swap the two."""
    BACK = "back"
    """The current is withdrawn: the scorer before it serves at once, ahead of the next champion."""


def action(entry: ModelAnnouncement, slot: ModelSlot) -> Action:
    """Decide what an announcement asks for, given what is loaded."""
    if entry.stage == "champion":
        if _is(entry, slot.current):
            return Action.ALREADY
        return Action.RETURN if _is(entry, slot.previous) else Action.LOAD
    if entry.stage == "rolled_back" and _is(entry, slot.current):
        return Action.BACK if slot.previous is not None else Action.NOTHING
    return Action.NOTHING


def needed(entries: Iterable[ModelAnnouncement]) -> list[ModelAnnouncement]:
    """Leave out champions that a later champion replaced before they were acted on."""
    kept = list(entries)
    champions = [place for place, entry in enumerate(kept) if entry.stage == "champion"]
    last = champions[-1] if champions else -1
    return [entry for place, entry in enumerate(kept) if entry.stage != "champion" or place == last]


def adopts(entry: ModelAnnouncement, slot: ModelSlot) -> bool:
    """Whether a champion that was announced before the start replaces the bundle started with.

    The later decision counts: the announcement, or the making of the bundle given by hand.
    """
    if slot.current is None:
        return True
    return _moment(entry.announced_at) >= _moment(slot.current.bundle.manifest.created_at)


def _is(entry: ModelAnnouncement, scorer: Scorer | None) -> bool:
    """Whether this very bundle is loaded: a version written again is another bundle."""
    return (
        scorer is not None
        and scorer.version == entry.version
        and scorer.bundle.sha256 == entry.sha256
    )


def _moment(text: str) -> datetime:
    moment: datetime = msgspec.convert(text, _Instant)
    return moment
