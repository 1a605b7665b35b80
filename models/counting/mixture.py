"""Two ways of counting in one: what each gives to a track, as a share of all it gives, added up.

Steps (markov.py) know the order of tracks and hit first places; neighbours (session_knn.py) know
what belongs together and hit late ones. Nothing is learned.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..questions import Bools, Floats, Questions, Ranker
from ..sessions import Sessions
from .markov import DecayedMarkov, MarkovConfig
from .session_knn import SessionKnn, SessionKnnConfig

# Of 48 settings on 30Music's validation sessions the one with the best HR@20 of those that have a
# Markov chain's MRR@20: near 1 or 3, four kinds of neighbours, these with a share of .4, .6 or .75.
_STEPS = MarkovConfig(near=3.0)
_NEIGHBOURS = SessionKnnConfig(neighbours=288, newest=1500, reads=5, match=True)
_SHARES = (0.4, 0.6)


class Mixture:
    """Ranks by the shares of several rankers whose scores are 0 or more."""

    listed: int | None = None

    def __init__(self, parts: Sequence[tuple[float, Ranker]], name: str) -> None:
        self.name = name
        self.n_items = parts[0][1].n_items
        self._parts = parts

    @classmethod
    def fit(cls, sessions: Sessions) -> Mixture:
        """Count steps, what is near, and neighbours."""
        rankers = DecayedMarkov.fit(sessions, _STEPS), SessionKnn.fit(sessions, _NEIGHBOURS)
        return cls(list(zip(_SHARES, rankers, strict=True)), "steps+vmis-knn")

    def scores(self, questions: Questions, allowed: Bools | None = None) -> Floats:
        """Score every item."""
        rows = np.arange(len(questions.row))
        found = np.zeros((len(rows), self.n_items + 1))
        for weight, ranker in self._parts:
            scores = ranker.scores(questions)
            scores[:, 0] = scores[rows, questions.current] = 0  # never offered: no share of it
            found += weight * scores / scores.sum(axis=1, keepdims=True)
        return found
