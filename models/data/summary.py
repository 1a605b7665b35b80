"""What a data set holds, in numbers: for `segue data show` and for reports."""

from __future__ import annotations

import msgspec
import numpy as np

from .sources import Source

OUTCOMES = ("unknown", "heard", "skipped_late", "skipped_early", "skipped_at_once")  # by code


class Summary(msgspec.Struct, frozen=True):
    """Counts of one data set; shares are of occurrences."""

    name: str
    simulated: bool
    source: str
    rows: int
    sessions: int
    tracks: int
    duplicates: int  # sessions whose sequence of tracks came before
    shortest: int  # tracks of a session
    median: float
    longest: int
    outcomes: dict[str, float]
    repeats: float  # share of tracks, after a session's first, that were already in it


def summarise(source: Source) -> Summary:
    """Read the source and count."""
    sessions = source.load()
    lengths = sessions.lengths
    codes = np.bincount(sessions.outcomes, minlength=len(OUTCOMES))
    distinct = sum(len(np.unique(sessions.session(i)[0])) for i in range(len(sessions)))
    n = len(sessions.items)
    return Summary(
        name=source.name,
        simulated=source.simulated,
        source=source.spec,
        rows=n,
        sessions=len(sessions),
        tracks=sessions.n_items,
        duplicates=len(sessions) - len(sessions.deduplicated()),
        shortest=int(lengths.min(initial=n)),
        median=float(np.median(lengths)) if len(lengths) else 0.0,
        longest=int(lengths.max(initial=0)),
        outcomes={
            name: round(int(count) / max(1, n), 4)
            for name, count in zip(OUTCOMES, codes, strict=True)
        },
        repeats=round((n - distinct) / max(1, n - len(sessions)), 4),
    )
