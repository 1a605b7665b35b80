"""What is known of a running demo at one moment: taken by watch.py, drawn by view.py, reported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from streams.audit import Tally
from streams.oracle import Comparison

from .figures import Percentiles, Shown
from .quality import HitRates

_NOTHING = Tally(0, 0, 0, [], 0, [], 0)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What is known at one moment."""

    elapsed: float = 0.0  # seconds since the first event was read
    tally: Tally = _NOTHING
    sessions: Comparison | None = None  # against the oracle, once all was counted
    dead_letters: Mapping[str, int] = field(default_factory=dict)  # by reason
    per_second: float = 0.0
    recent: Percentiles | None = None
    overall: Percentiles | None = None
    rates: HitRates | None = None
    occurrences: int = 0  # after a session's first: the ones that hit rates are over
    played: int = 0  # occurrences, the first ones too
    skips: int = 0  # of those
    listed_skips: int = 0  # of `occurrences`, skipped though the model had listed them
    by_version: Mapping[str, Counter[str]] = field(default_factory=dict)
    versions: Mapping[str, int] = field(default_factory=dict)  # lists, in order of appearance
    fallbacks: Mapping[str, int] = field(default_factory=dict)
    serving: str | None = None
    swaps: Mapping[str, int] = field(default_factory=dict)  # by outcome
    finetunes: list[dict[str, Any]] = field(default_factory=list)
    first: tuple[Shown, str] | None = None
    latest: tuple[Shown, str] | None = None
