"""What any model must beat: the most played tracks, and what followed the current track most often.

Counting, no learning; both rank the whole catalog in one strict order, which is the order in which
a bundle of counts is served (streams/counts.py), so ties cannot flatter or hurt them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streams.counts import TransitionCounts

from ..questions import Bools, Floats, Ints, Questions
from ..sessions import Sessions


class MostPopular:
    """Every session gets the tracks played most in training; ties in order of item."""

    name = "popularity"
    listed: int | None = None

    def __init__(self, counts: Ints) -> None:
        self.n_items = len(counts) - 1
        self.order_scores = popularity_scores(counts)

    @classmethod
    def fit(cls, sessions: Sessions) -> MostPopular:
        """Count the plays."""
        return cls(sessions.counts())

    def scores(self, questions: Questions, allowed: Bools | None = None) -> Floats:
        """Give everyone the same scores."""
        return np.tile(self.order_scores, (len(questions.row), 1))


class Markov:
    """What followed the newest known track, most often first; then everything else by plays."""

    name = "markov"
    listed: int | None = None

    def __init__(self, transitions: TransitionCounts, counts: Ints) -> None:
        self.n_items = len(counts) - 1
        self.transitions = transitions
        self._backfill = popularity_scores(counts)
        order = np.argsort(transitions.sources, kind="stable")
        self._targets = transitions.targets[order].astype(np.int64)
        self._weights = transitions.weights[order].astype(np.float64)
        self._starts = np.searchsorted(transitions.sources[order], np.arange(len(counts) + 1))

    @classmethod
    def fit(cls, sessions: Sessions) -> Markov:
        """Count each step from one track to the next inside a session."""
        return cls(transition_counts(sessions), sessions.counts())

    def scores(self, questions: Questions, allowed: Bools | None = None) -> Floats:
        """Add the counts to the popularity order, whose scores are all below 1."""
        newest = questions.newest()
        scores = np.tile(self._backfill, (len(newest), 1))
        first, sizes = self._starts[newest], self._starts[newest + 1] - self._starts[newest]
        ends = np.cumsum(sizes)
        flat = np.repeat(first - (ends - sizes), sizes) + np.arange(sizes.sum())
        rows = np.repeat(np.arange(len(newest)), sizes)
        scores[rows, self._targets[flat]] += self._weights[flat]  # a target occurs once a row
        return scores


def transition_counts(sessions: Sessions) -> TransitionCounts:
    """Count adjacent pairs of known tracks; a step that crosses an unknown one is none."""
    owners = np.repeat(np.arange(len(sessions)), sessions.lengths)
    sources, targets = sessions.items[:-1], sessions.items[1:]
    steps = (owners[:-1] == owners[1:]) & (sources > 0) & (targets > 0)
    pairs = np.stack([sources[steps], targets[steps]], axis=1)
    found, counts = np.unique(pairs, axis=0, return_counts=True)
    return TransitionCounts(
        sources=found[:, 0].astype(np.int32),
        targets=found[:, 1].astype(np.int32),
        weights=counts.astype(np.float32),
    )


def popularity_scores(counts: Ints) -> NDArray[np.float64]:
    """Scores in [0, 1) in the strict order of plays, ties by item, (N + 1,); padding has 0."""
    n_items = len(counts) - 1
    scores = np.zeros(n_items + 1)
    order = np.argsort(-counts[1:], kind="stable") + 1
    scores[order] = np.arange(n_items, 0, -1) / (n_items + 1)
    return scores
