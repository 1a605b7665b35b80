"""A Markov chain of several steps: what followed each of the newest tracks, that many steps later.

The track k steps back has a table of its own, of what came k steps after it in training, and the
tables are added with falling weights. With shares in place of counts a rare track says as much as
a common one; ties go to what is played more. One step, counts alone: `Markov` in baselines.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .baselines import popularity_scores
from .csr import Csr, Floats, Ints, dense
from .questions import Bools, Questions
from .sessions import Sessions


@dataclass(frozen=True, kw_only=True)
class MarkovConfig:
    """How far back it looks, and what a count is worth."""

    decays: tuple[float, ...] = (1.0, 1 / 2, 1 / 3, 1 / 4, 1 / 5)  # of the track 1, 2, … steps back
    shares: bool = True  # each count over all counts of its track and step
    smoothing: float = 1.0  # added to those: what is seen once is worth little
    popularity: float = 0.0  # power of the target's plays that its counts are divided by

    def __post_init__(self) -> None:
        """Refuse weights that rank nothing."""
        if not self.decays or min(self.decays) <= 0 or min(self.smoothing, self.popularity) < 0:
            raise ValueError(
                f"decays must be one or more numbers above 0, smoothing and popularity 0 or more, "
                f"got {self}"
            )


class Steps(NamedTuple):
    """How often one item came so many steps after another, each such triple once."""

    lag: Ints  # (n,) from 1
    source: Ints  # (n,)
    target: Ints  # (n,)
    seen: Floats  # (n,) how often

    @classmethod
    def counted(cls, sessions: Sessions, most: int) -> Steps:
        """Count pairs of known tracks up to `most` steps apart inside a session."""
        known = sessions.known()
        owner = np.repeat(np.arange(len(known)), known.lengths)
        items, width = known.items.astype(np.int64), known.n_items + 1
        places = []
        for step in range(1, most + 1):
            inside = owner[:-step] == owner[step:]
            pairs = items[:-step][inside] * width + items[step:][inside]
            places.append(step * width * width + pairs)
        found, counts = np.unique(np.concatenate(places), return_counts=True)
        rows, target = np.divmod(found, width)
        lag, source = np.divmod(rows, width)
        return cls(lag, source, target, counts.astype(np.float64))


def step_weights(steps: Steps, config: MarkovConfig, plays: Ints) -> Floats:
    """Give what each triple adds to its target's score, (n,); `plays` (N + 1,) of each item."""
    weights: Floats = steps.seen / np.maximum(plays[steps.target], 1) ** config.popularity
    if config.shares:
        rows = steps.lag * len(plays) + steps.source
        totals = np.bincount(rows, weights=weights)[rows] if len(rows) else weights
        weights = weights / (totals + config.smoothing)
    decays: Floats = np.array(config.decays)[steps.lag - 1]
    return weights * decays


class DecayedMarkov:
    """Ranks what followed the newest tracks, then everything else by plays."""

    listed: int | None = None

    def __init__(self, sessions: Sessions, config: MarkovConfig, name: str) -> None:
        self.name = name
        self.n_items = sessions.n_items
        self._reach = len(config.decays)
        steps = Steps.counted(sessions, self._reach)
        weights = step_weights(steps, config, sessions.counts())
        rows = (steps.lag - 1) * (self.n_items + 1) + steps.source
        self._table = Csr.of(rows, steps.target, weights, self._reach * (self.n_items + 1))
        self._backfill = popularity_scores(sessions.counts()) * 1e-12

    @classmethod
    def fit(
        cls, sessions: Sessions, config: MarkovConfig | None = None, name: str | None = None
    ) -> DecayedMarkov:
        """Count the steps."""
        config = config or MarkovConfig()
        return cls(sessions, config, name or f"markov-{len(config.decays)}")

    def scores(self, questions: Questions, allowed: Bools | None = None) -> Floats:
        """Score every item."""
        items, _, lengths = questions.windows(self._reach)
        lags = lengths[:, None] - 1 - np.arange(self._reach)  # 0 is the newest
        question, column = np.nonzero(lags >= 0)
        rows = lags[question, column] * (self.n_items + 1) + items[question, column]
        which, at = self._table.entries(rows)
        table, shape = self._table, (len(lengths), self.n_items + 1)
        found = dense(question[which], table.columns[at], table.values[at], shape)
        return found + self._backfill
