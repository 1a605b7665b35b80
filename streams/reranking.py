"""Ranks again: the best candidates of a first stage, put in the order of their raised scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from .candidates import Describer, Ints, Numbers
from .packing import packed
from .ranking import Engine

Perceptron = Callable[[Numbers, Numbers], Numbers]
"""Features (n, K, F) and context (n, G) -> what is added to the scores, (n, K)."""


class Reranking:
    """Scores candidates again."""

    def __init__(self, describer: Describer, perceptron: Perceptron) -> None:
        self._describer, self._perceptron = describer, perceptron

    def scores(
        self, scores: Numbers, candidates: Ints, items: Ints, outcomes: Ints, lengths: Ints
    ) -> Numbers:
        """Give new scores of candidates (n, K), which are best first; the order is not changed.

        Sessions are as Describer.describe has them. What is not finite stays as it is.
        """
        told = self._describer.describe(scores, candidates, items, outcomes, lengths)
        return np.where(np.isfinite(scores), scores + self._perceptron(*told), scores)


class TwoStageEngine:
    """An engine whose candidates are scored again and put in that order."""

    def __init__(self, first: Engine, second: Reranking) -> None:
        self.first = first
        self.provider, self.length, self.cutoff = first.provider, first.length, first.cutoff
        self._second = second

    def top(
        self, sessions: Sequence[Sequence[tuple[int, int]]], exclude: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Give scores and candidates, both (B, K), best first; -inf where an item is excluded."""
        scores, candidates = self.first.top(sessions, exclude)
        again = self._second.scores(scores, candidates, **packed(sessions, self.length))
        order = np.argsort(-again, axis=1, kind="stable")
        return np.take_along_axis(again, order, 1), np.take_along_axis(candidates, order, 1)
