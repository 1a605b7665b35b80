"""Item nearest neighbours: tracks that share sessions with the newest one, by cosine.

As the session-based baseline of Hidasi et al. (arXiv:1511.06939, section 4): an item is the set of
sessions that it is in, regularised so that two rare tracks met by chance are not the closest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..questions import Bools, Questions
from ..sessions import Sessions
from .baselines import popularity_scores
from .csr import Csr, Floats, Ints, dense


@dataclass(frozen=True, kw_only=True)
class ItemKnnConfig:
    """What two tracks in one session are worth."""

    regularisation: float = 20.0  # added to the sessions of each of the two
    alpha: float = 0.5  # of the newest track's sessions in the denominator, the rest the other's

    def __post_init__(self) -> None:
        """Refuse what is no similarity."""
        if self.regularisation < 0 or not 0 <= self.alpha <= 1:
            raise ValueError(f"regularisation must be 0 or more and alpha in [0, 1], got {self}")


class ItemKnn:
    """Ranks the neighbours of the newest track, then everything else by plays."""

    name = "item-knn"
    listed: int | None = None

    def __init__(self, similar: Csr, plays: Ints) -> None:
        self.n_items = len(plays) - 1
        self._similar = similar
        self._backfill = popularity_scores(plays) * 1e-12

    @classmethod
    def fit(cls, sessions: Sessions, config: ItemKnnConfig | None = None) -> ItemKnn:
        """Count the sessions that each two tracks share."""
        config = config or ItemKnnConfig()
        width = sessions.n_items + 1
        owner = np.repeat(np.arange(len(sessions)), sessions.lengths)
        each = np.unique(owner * width + sessions.items)  # a track counts once in a session
        owner, items = np.divmod(each[each % width > 0], width)
        within = Csr.of(owner, items, np.ones(len(items)), len(sessions))
        which, at = within.entries(owner)  # every track of the session of each track
        pairs = items[which] * width + items[at]
        found, shared = np.unique(pairs[items[which] != items[at]], return_counts=True)
        source, target = np.divmod(found, width)
        sizes = np.bincount(items, minlength=width) + config.regularisation
        weights = sizes[source] ** config.alpha * sizes[target] ** (1 - config.alpha)
        return cls(Csr.of(source, target, shared / weights, width), sessions.counts())

    def scores(self, questions: Questions, allowed: Bools | None = None) -> Floats:
        """Score every item."""
        which, at = self._similar.entries(questions.newest())
        shape = (len(questions.row), self.n_items + 1)
        found = dense(which, self._similar.columns[at], self._similar.values[at], shape)
        return found + self._backfill
