"""Ranking metrics from 1-based ranks, and what lists say of a catalog.

Pure numpy. One target a question, so recall@k equals hit_rate@k; both names exist because papers
use both. Ties count against us: a model that gives every track one score ranks the target last.
"""

from __future__ import annotations

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


def gains(ranks: Ints, k: int) -> NDArray[np.float64]:
    """1 / log2(rank + 1) of each target, 0 beyond rank k, (n,)."""
    discounted = 1.0 / np.log2(np.minimum(ranks, 1 << 53) + 1.0)
    return np.where(ranks <= _cutoff(k), discounted, 0.0)


def ndcg(ranks: Ints, k: int) -> float:
    """Mean of 1 / log2(rank + 1), 0 beyond rank k: the ideal gain of one target is 1."""
    return _mean(gains(ranks, k))


def exposure(listed: Ints, n_items: int) -> Ints:
    """Lists in which each track stands, (n, k) -> (N,); 0 in a list is no track."""
    return np.bincount(listed.ravel(), minlength=n_items + 1)[1:].astype(np.int64)


def coverage(exposure: Ints) -> float:
    """Share of the catalog that stands in any list, (N,)."""
    return _mean(exposure > 0)


def gini(exposure: Ints) -> float:
    """Inequality of the tracks' exposure, (N,): 0 is the same for all, 1 all lists for one track.

    Gini coefficient over the whole catalog, tracks that are never listed included.
    """
    n, total = len(exposure), exposure.sum()
    if not total:
        return float("nan")
    place = np.arange(1, n + 1)
    return float((2 * place - n - 1) @ np.sort(exposure) / (n * total))


def popularity_lift(listed: Ints, played: Ints, plays: Ints) -> float:
    """How much more popular the listed tracks (n, k) are than the played ones (n,); 0: as popular.

    Popularity lift of Abdollahpouri et al. (RecSys 2020, section 3): (q - p) / p, where q is the
    mean of the lists' average popularity and p that of what listeners played, by the plays in
    training (N + 1,). Lists count alike; item 0 is no track, and a list of none is left out.
    """
    real = listed > 0
    some = real.any(axis=1)
    means = (plays[listed] * real).sum(axis=1)[some] / real.sum(axis=1)[some]
    own = _mean(plays[played[played > 0]])
    return (_mean(means) - own) / own if own else float("nan")


def auc_pairs(scores: Floats, heard: Bools, skipped: Bools) -> tuple[NDArray[np.float64], Ints]:
    """Count pairs of one row in which the heard track outscores the skipped one, all (n, L).

    Gives (won, pairs), (n,) both, a tie being half a win; the quotient of their sums is the skip
    AUC. Pairs are of one context only: over pooled contexts the AUC falls below .5 for good models
    too, since people skip through orders that are easy to predict.
    """
    usable = np.isfinite(scores)
    pairs = (heard & usable)[:, :, None] & (skipped & usable)[:, None, :]  # (n, L, L)
    safe = np.where(usable, scores, 0)
    left, right = safe[:, :, None], safe[:, None, :]
    won = ((left > right) & pairs).sum(axis=(1, 2))
    tied = ((left == right) & pairs).sum(axis=(1, 2))
    return won + 0.5 * tied, pairs.sum(axis=(1, 2))


def _cutoff(k: int) -> int:
    if k < 1:
        raise ValueError(f"k is {k}, expected 1 or more")
    return k


def _mean(values: NDArray[np.generic]) -> float:
    return float(values.mean()) if values.size else float("nan")
