"""Ranking metrics from 1-based ranks, and the interval of a difference between two rankers.

Pure numpy. One target a question, so recall@k equals hit_rate@k; both names exist because papers
use both. Ties count against us: a model that gives every track one score ranks the target last.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MISSED = np.iinfo(np.int64).max
"""Rank of a target that has no score: unknown to the catalog, masked, or not finite."""


def ranks(scores: Floats, targets: Ints) -> Ints:
    """Rank of each row's target, (n, N + 1), (n,) -> (n,); column 0 (padding) is never counted.

    Every score that is not below the target's stands before it, NaN among them. A target of item 0
    (unknown), or whose own score is not finite, is MISSED.
    """
    own = np.take_along_axis(scores, targets[:, None], axis=1)  # (n, 1)
    before = ~(scores < own)
    before[:, 0] = False
    result: Ints = before.sum(axis=1, dtype=np.int64)  # the target itself is the 1 of "1-based"
    result[(targets == 0) | ~np.isfinite(own[:, 0])] = MISSED
    return result


def hit_rate(ranks: Ints, k: int) -> float:
    """Share of targets at rank k or better."""
    return _mean(ranks <= _cutoff(k))


def recall(ranks: Ints, k: int) -> float:
    """Share of relevant tracks found in the first k; with one target, the hit rate."""
    return hit_rate(ranks, k)


def reciprocal_ranks(ranks: Ints, k: int) -> NDArray[np.float64]:
    """1 / rank of each target, 0 beyond rank k, (n,)."""
    return np.where(ranks <= _cutoff(k), 1.0 / np.maximum(ranks, 1), 0.0)


def mrr(ranks: Ints, k: int) -> float:
    """Mean reciprocal rank, 0 beyond rank k."""
    return _mean(reciprocal_ranks(ranks, k))


def ndcg(ranks: Ints, k: int) -> float:
    """Mean of 1 / log2(rank + 1), 0 beyond rank k: the ideal gain of one target is 1."""
    gains = 1.0 / np.log2(np.minimum(ranks, 1 << 53) + 1.0)
    return _mean(np.where(ranks <= _cutoff(k), gains, 0.0))


def coverage(listed: Ints, n_items: int) -> float:
    """Share of the catalog that occurs in any of the lists, whatever their shape; 0 is no track."""
    return np.unique(listed[listed > 0]).size / n_items if n_items else float("nan")


def auc_pairs(scores: Floats, heard: Bools, skipped: Bools) -> tuple[float, int]:
    """Count pairs of one row in which the heard track outscores the skipped one, all (n, L).

    Gives (won, pairs), a tie being half a win; their quotient is the skip AUC. Pairs are of one
    context only: over pooled contexts the AUC falls below .5 for good models too, since people skip
    through orders that are easy to predict.
    """
    usable = np.isfinite(scores)
    pairs = (heard & usable)[:, :, None] & (skipped & usable)[:, None, :]  # (n, L, L)
    safe = np.where(usable, scores, 0)
    left, right = safe[:, :, None], safe[:, None, :]
    won = ((left > right) & pairs).sum() + 0.5 * ((left == right) & pairs).sum()
    return float(won), int(pairs.sum())


class Interval(NamedTuple):
    """A mean and the bounds of its bootstrap interval."""

    mean: float
    low: float
    high: float


def paired_bootstrap(
    ours: Floats,
    theirs: Floats,
    session: Ints,
    rng: np.random.Generator,
    *,
    resamples: int = 2000,
    confidence: float = 0.95,
) -> Interval:
    """Interval of mean(ours - theirs), both (n,), resampling whole sessions, (n,) labels.

    Targets of one session stand and fall together, so sessions and not targets are drawn.
    """
    if not len(ours):
        raise ValueError("there are no targets to compare, expected at least one")
    _, label = np.unique(session, return_inverse=True)
    sums = np.bincount(label, weights=np.asarray(ours, np.float64) - theirs)  # (S,)
    sizes = np.bincount(label)
    means = np.empty(resamples)
    for i in range(resamples):
        drawn = np.bincount(rng.integers(0, len(sums), len(sums)), minlength=len(sums))
        means[i] = drawn @ sums / (drawn @ sizes)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(sums.sum() / sizes.sum()), float(low), float(high))


def _cutoff(k: int) -> int:
    if k < 1:
        raise ValueError(f"k is {k}, expected 1 or more")
    return k


def _mean(values: NDArray[np.generic]) -> float:
    return float(values.mean()) if values.size else float("nan")
