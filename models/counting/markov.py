"""A Markov chain of several steps: what followed each of the newest tracks, that many steps later.

The track k steps back has a table of its own, of what came k steps after it in training, and the
tables are added with falling weights. With shares in place of counts a rare track says as much as
a common one; ties go to what is played more. One table more may count what stood near, whichever
came first: on sparse data it reaches what no step has shown. One step, counts alone: `Markov` in
baselines.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streams.counts import TransitionCounts

from ..questions import Bools, Questions
from ..sessions import Sessions
from .baselines import popularity_scores
from .csr import Csr, Floats, Ints, dense


@dataclass(frozen=True, kw_only=True)
class MarkovConfig:
    """How far back it looks, and what a count is worth."""

    decays: tuple[float, ...] = (1.0, 1 / 2, 1 / 3, 1 / 4, 1 / 5)  # of the track 1, 2, … steps back
    shares: bool = True  # each count over all counts of its track and step
    smoothing: float = 1.0  # added to those: what is seen once is worth little
    popularity: float = 0.0  # power of the target's plays that its counts are divided by
    near: float = 0.0  # weight of what stood near, over that of one step; 0: not counted
    window: int = 10  # steps, either way, that are near; a pair counts one over its steps

    def __post_init__(self) -> None:
        """Refuse weights that rank nothing."""
        others = (self.smoothing, self.popularity, self.near, self.window - 1)
        if not self.decays or min(self.decays) <= 0 or min(others) < 0:
            raise ValueError(
                "decays must be one or more numbers above 0, window 1 or more, smoothing, "
                f"popularity and near 0 or more, got {self}"
            )


def step_counts(sessions: Sessions, config: MarkovConfig) -> TransitionCounts:
    """Count pairs of known tracks a few steps apart inside a session; those near have lag 0."""
    known = sessions.known()
    owner = np.repeat(np.arange(len(known)), known.lengths)
    items, width = known.items.astype(np.int64), known.n_items + 1
    reach, window = len(config.decays), config.window if config.near else 0
    places, weights = [], []
    for step in range(1, max(reach, window) + 1):
        inside = owner[:-step] == owner[step:]
        before, after = items[:-step][inside], items[step:][inside]
        if step <= reach:
            places.append((step * width + before) * width + after)
            weights.append(np.ones(len(before)))
        if step <= window:
            places += [before * width + after, after * width + before]
            weights += [np.full(len(before), 1 / step)] * 2
    found, inverse = np.unique(np.concatenate(places), return_inverse=True)
    sums = np.bincount(inverse, weights=np.concatenate(weights), minlength=len(found))
    rows, targets = np.divmod(found, width)
    lags, sources = np.divmod(rows, width)
    return TransitionCounts(
        sources=sources.astype(np.int32),
        targets=targets.astype(np.int32),
        weights=sums.astype(np.float32),
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


def heaviest(counts: TransitionCounts, most: int) -> TransitionCounts:
    """Keep the pairs of most weight of each lag and source, ties by target."""
    assert counts.lags is not None
    rows = counts.lags.astype(np.int64) * (counts.largest_item + 1) + counts.sources
    order = np.lexsort((counts.targets, -counts.weights, rows))
    ordered = rows[order]
    nth = np.arange(len(order)) - np.searchsorted(ordered, ordered)
    kept = order[nth < most]
    return TransitionCounts(
        counts.sources[kept], counts.targets[kept], counts.weights[kept], counts.lags[kept]
    )


def step_weights(counts: TransitionCounts, config: MarkovConfig, plays: Ints) -> Floats:
    """Give what each counted pair adds to its target's score, (n,); `plays` (N + 1,) are all."""
    assert counts.lags is not None
    weights: Floats = counts.weights / np.maximum(plays[counts.targets], 1) ** config.popularity
    if config.shares and len(weights):
        rows = counts.lags.astype(np.int64) * len(plays) + counts.sources
        weights = weights / (np.bincount(rows, weights=weights)[rows] + config.smoothing)
    worth: Floats = np.array([config.near, *config.decays])[counts.lags]
    return weights * worth


class StepTable:
    """Weights of counted pairs, added up for what comes after some tracks."""

    def __init__(self, counts: TransitionCounts, weights: Floats, n_items: int) -> None:
        assert counts.lags is not None
        self._reach, self._width = counts.reach, n_items + 1
        rows = counts.lags.astype(np.int64) * self._width + counts.sources
        targets = counts.targets.astype(np.int64)
        self._table = Csr.of(rows, targets, weights, (self._reach + 1) * self._width)

    def sums(self, questions: Questions) -> Floats:
        """Sum the weights of every item, (n, N + 1)."""
        items, _, lengths = questions.windows(self._reach)
        back = lengths[:, None] - np.arange(self._reach)  # 1 is the newest
        question, column = np.nonzero(back > 0)
        item, back = items[question, column], back[question, column]
        rows = np.concatenate([back * self._width + item, item])  # of its own lag, and of lag 0
        worth = np.concatenate([np.ones(len(back)), 1 / back])
        which, at = self._table.entries(rows)
        values, shape = self._table.values[at] * worth[which], (len(lengths), self._width)
        return dense(np.tile(question, 2)[which], self._table.columns[at], values, shape)


class DecayedMarkov:
    """Ranks what followed the newest tracks, then everything else by plays."""

    listed: int | None = None

    def __init__(self, sessions: Sessions, config: MarkovConfig, name: str) -> None:
        self.name = name
        self.n_items = sessions.n_items
        counts = step_counts(sessions, config)
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
