"""What a hybrid's graph must compute, written down as it is defined: slow, and only for proof."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from streams.counts import TransitionCounts

Floats = NDArray[np.float32]


class Blend:
    """A network's scores and what transition counts add (streams/followers.py)."""

    def __init__(self, counts: TransitionCounts, weight: float) -> None:
        self._weight = weight
        lags = np.ones_like(counts.sources) if counts.lags is None else counts.lags
        self._steps = [
            (counts.sources[of], counts.targets[of], counts.weights[of])
            for lag in range(counts.reach + 1)
            for of in [lags == lag]
        ]

    def scores(self, scores: Floats, sessions: Sequence[Sequence[tuple[int, int]]]) -> Floats:
        """Blend scores of the whole catalog, (B, N + 1), after these sessions."""
        counted = np.zeros_like(scores)
        for row, session in zip(counted, sessions, strict=True):
            # A session may be shorter than the counts reach, or longer.
            for back, ((item, _), _) in enumerate(
                zip(reversed(session), self._steps[1:], strict=False), start=1
            ):
                for lag, worth in ((back, 1.0), (0, 1 / back)):
                    sources, targets, weights = self._steps[lag]
                    row[targets[sources == item]] += weights[sources == item] * worth
        return (scores + self._weight * np.log1p(counted)).astype(np.float32)
