"""A Markov chain of several steps: what followed each of the newest tracks, that many steps later.

The track k steps back has a table of its own, of what came k steps after it in training, and the
tables are added with falling weights. With shares in place of counts a rare track says as much as
a common one; ties go to what is played more. One step, counts alone: `Markov` in baselines.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streams.counts import TransitionCounts

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


def step_counts(sessions: Sessions, most: int) -> TransitionCounts:
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
    rows, targets = np.divmod(found, width)
    lags, sources = np.divmod(rows, width)
    return TransitionCounts(
        sources=sources.astype(np.int32),
        targets=targets.astype(np.int32),
        weights=counts.astype(np.float32),
        lags=lags.astype(np.int32),
    )


def added(one: TransitionCounts, other: TransitionCounts) -> TransitionCounts:
    """Add two counts of steps up, over one catalog or where one goes on after the other."""
    size = max(one.largest_item, other.largest_item) + 1
    lags, sources, targets, weights = (
        np.concatenate([getattr(one, name), getattr(other, name)])
        for name in ("lags", "sources", "targets", "weights")
    )
    places = (lags.astype(np.int64) * size + sources) * size + targets
    _, first, inverse = np.unique(places, return_index=True, return_inverse=True)
    sums = np.bincount(inverse, weights=weights, minlength=len(first))
    return TransitionCounts(sources[first], targets[first], sums.astype(np.float32), lags[first])


def step_weights(counts: TransitionCounts, config: MarkovConfig, plays: Ints) -> Floats:
    """Give what each counted pair adds to its target's score, (n,); `plays` (N + 1,) are all."""
    assert counts.lags is not None
    weights: Floats = counts.weights / np.maximum(plays[counts.targets], 1) ** config.popularity
    if config.shares and len(weights):
        rows = counts.lags.astype(np.int64) * len(plays) + counts.sources
        weights = weights / (np.bincount(rows, weights=weights)[rows] + config.smoothing)
    decays: Floats = np.array(config.decays)[counts.lags - 1]
    return weights * decays


class StepTable:
    """Weights of counted pairs, added up for what comes after some tracks."""

    def __init__(self, counts: TransitionCounts, weights: Floats, n_items: int) -> None:
        assert counts.lags is not None
        self._reach, self._width = counts.reach, n_items + 1
        rows = (counts.lags.astype(np.int64) - 1) * self._width + counts.sources
        targets = counts.targets.astype(np.int64)
        self._table = Csr.of(rows, targets, weights, self._reach * self._width)

    def sums(self, questions: Questions) -> Floats:
        """Sum the weights of every item, (n, N + 1)."""
        items, _, lengths = questions.windows(self._reach)
        lags = lengths[:, None] - 1 - np.arange(self._reach)  # 0 is the newest
        question, column = np.nonzero(lags >= 0)
        rows = lags[question, column] * self._width + items[question, column]
        which, at = self._table.entries(rows)
        values, shape = self._table.values[at], (len(lengths), self._width)
        return dense(question[which], self._table.columns[at], values, shape)


class DecayedMarkov:
    """Ranks what followed the newest tracks, then everything else by plays."""

    listed: int | None = None

    def __init__(self, sessions: Sessions, config: MarkovConfig, name: str) -> None:
        self.name = name
        self.n_items = sessions.n_items
        counts = step_counts(sessions, len(config.decays))
        weights = step_weights(counts, config, sessions.counts())
        self._table = StepTable(counts, weights, self.n_items)
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
        return self._table.sums(questions) + self._backfill
