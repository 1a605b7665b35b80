"""The replay sample: old sessions that stand beside the new ones, so that nothing old is unlearned.

Bounded, and mixed anew at each acceptance. When it overflows, sessions are dropped at random, old
and new alike: so the old ones fade, and none is kept for ever.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from ..sessions import Sessions, joined


def pooled(*parts: Sessions) -> Sessions:
    """All the sessions of several parts, over the catalog of what any of them has."""
    track_ids = tuple(dict.fromkeys(track for part in parts for track in part.track_ids))
    together = joined([part.reindexed(track_ids) for part in parts])
    return replace(together, session_ids=tuple(_distinct(together.session_ids)))


def mixed(old: Sessions, new: Sessions, capacity: int, rng: np.random.Generator) -> Sessions:
    """Give at most `capacity` of the old and new sessions, each equally likely to stay."""
    if capacity < 1:
        raise ValueError(f"capacity is {capacity}, expected at least 1 session")
    together = pooled(old, new)
    if len(together) > capacity:
        chosen = rng.choice(len(together), size=capacity, replace=False)
        together = together.select(np.sort(chosen))
    return together.compacted()


def _distinct(names: Iterable[str]) -> Iterable[str]:
    """Tell apart sessions of one id: a table of sessions knows them by it, and would join them."""
    taken: set[str] = set()
    times: dict[str, int] = {}
    for name in names:
        distinct = name
        while distinct in taken:
            times[name] = times.get(name, 1) + 1
            distinct = f"{name}~{times[name]}"
        taken.add(distinct)
        yield distinct
