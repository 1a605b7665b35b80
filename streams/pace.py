"""How long a new model takes for the work that the serving one does: right but slow is refused.

Both are timed at the same moment, in turn, so that a busy machine slows both.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from itertools import cycle, islice
from typing import TYPE_CHECKING

from .manifest import BundleError
from .ranking import History
from .session import HISTORY

if TYPE_CHECKING:
    from .scoring import Scorer

SESSIONS = 32
ROUNDS = 7  # of which the median is taken
QUICK_SECONDS = 0.025
"""A batch of SESSIONS that takes no longer is quick enough, whatever served before: counts answer
in a millisecond, and a network may follow them."""


def check_pace(
    candidate: Scorer,
    serving: Scorer,
    factor: float,
    clock: Callable[[], float] = time.perf_counter,
) -> None:
    """Refuse a model that takes more than `factor` times as long as the one that serves.

    Each ranks SESSIONS sessions, as long as they are kept, of its own catalog's most played tracks.

    Raises:
        BundleError: it takes longer than that, and longer than QUICK_SECONDS.
    """
    pairs: list[tuple[float, float]] = []
    sessions = [_sessions(scorer) for scorer in (candidate, serving)]
    for _ in range(ROUNDS):
        moments = [clock()]
        for scorer, histories in zip((candidate, serving), sessions, strict=True):
            scorer.rank(histories)
            moments.append(clock())
        pairs.append((moments[1] - moments[0], moments[2] - moments[1]))
    took, usual = (statistics.median(times) for times in zip(*pairs, strict=True))
    if took > max(factor * usual, QUICK_SECONDS):
        raise BundleError(
            f"{candidate.version} takes {1000 * took:.1f} ms for {SESSIONS} sessions, "
            f"{serving.version}, which serves, {1000 * usual:.1f} ms; at most {factor:g} times "
            "that is allowed (scoring.slow_factor): export a smaller model, or allow more",
            "slow",
        )


def _sessions(scorer: Scorer) -> list[History]:
    catalog = scorer.bundle.catalog
    tracks = cycle(catalog.track_ids[item - 1] for item in catalog.popular[: SESSIONS * HISTORY])
    return [[(track, 1) for track in islice(tracks, HISTORY)] for _ in range(SESSIONS)]
