"""The interval of a difference between two rankers that answered the same questions.

Paired, and by session: targets of one session stand and fall together, so whole sessions and not
targets are drawn with replacement.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..questions import Bools, Floats, Ints


class Interval(NamedTuple):
    """A mean and the bounds of its bootstrap interval."""

    mean: float
    low: float
    high: float


class Resamples:
    """Resamples of the sessions of n questions: the same ones for every pair of rankers."""

    def __init__(self, session: Ints, rng: np.random.Generator, resamples: int = 2000) -> None:
        """Draw; `session` (n,) are labels.

        Raises:
            ValueError: there are no questions.
        """
        if not len(session):
            raise ValueError("there are no targets to compare, expected at least one")
        names, self._label = np.unique(session, return_inverse=True)
        self._drawn = np.empty((resamples, len(names)), np.float32)  # (R, S) times it is in each
        for row in self._drawn:
            row[:] = np.bincount(rng.integers(0, len(names), len(names)), minlength=len(names))

    def interval(
        self,
        ours: Floats,
        theirs: Floats,
        weights: Bools | Ints | None = None,
        *,
        confidence: float = 0.95,
    ) -> Interval | None:
        """Interval of sum(ours - theirs) / sum(weights), all (n,); without weights, of the mean.

        A question outside `weights` counts for nothing; None where that leaves none.
        """
        parts = np.ones(len(ours)) if weights is None else np.asarray(weights, np.float64)
        gained = np.where(parts > 0, np.asarray(ours, np.float64) - theirs, 0)
        sums = np.bincount(self._label, weights=gained)  # (S,)
        sizes = np.bincount(self._label, weights=parts)
        if not sizes.sum():
            return None
        drawn_sizes = self._drawn @ sizes.astype(np.float32)
        drawn_sums = self._drawn @ sums.astype(np.float32)
        means = drawn_sums[drawn_sizes > 0] / drawn_sizes[drawn_sizes > 0]
        low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
        return Interval(float(sums.sum() / sizes.sum()), float(low), float(high))
