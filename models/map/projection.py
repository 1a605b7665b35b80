"""Many dimensions brought to two and three by UMAP (McInnes et al., arXiv:1802.03426), and numbers
that say what it cost and what lies near what.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

NEIGHBOURS = 15  # UMAP's own, and those of trustworthiness
NEAREST = 10  # of which the shares are
_JUDGED = 2000  # tracks that trustworthiness is measured on: it takes their square


@dataclass(frozen=True, eq=False)
class Projection:
    """Where n tracks lie."""

    flat: Floats  # (n, 2)
    deep: Floats  # (n, 3)
    trustworthiness: tuple[float, float]  # of both, 0 to 1


def projected(matrix: Floats, seed: int = 0) -> Projection:
    """Bring (n, W) to 2-D and 3-D, by cosine; the same seed gives the same picture.

    Raises:
        ValueError: there are too few tracks to have neighbours.
        ModuleNotFoundError: umap-learn is not installed.
    """
    if len(matrix) < NEIGHBOURS + 2:
        raise ValueError(f"{len(matrix)} tracks make no map, expected {NEIGHBOURS + 2} or more")
    flat, deep = (_within(_umap(matrix, dimensions, seed)) for dimensions in (2, 3))
    chosen = np.random.default_rng(seed).permutation(len(matrix))[:_JUDGED]
    return Projection(flat, deep, (_trust(matrix, flat, chosen), _trust(matrix, deep, chosen)))


def spread_out(matrix: Floats, seed: int = 0) -> Floats:
    """Bring a few tracks to 2-D with room between them for their names, (n, W) -> (n, 2)."""
    return _within(_umap(matrix, 2, seed, apart=0.99))


def nearest(matrix: Floats, k: int = NEAREST) -> Ints:
    """Give the k nearest other tracks of each by cosine, (n, W) -> (n, k), the nearest first."""
    unit = matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-12)
    k = min(k, len(matrix) - 1)
    found = np.empty((len(matrix), k), dtype=np.int64)
    for start in range(0, len(matrix), 1000):
        rows = np.arange(start, min(start + 1000, len(matrix)))
        alike = unit[rows] @ unit.T  # (m, n)
        alike[np.arange(len(rows)), rows] = -np.inf
        best = np.argpartition(-alike, k - 1, axis=1)[:, :k]
        order = np.argsort(-np.take_along_axis(alike, best, axis=1), axis=1)
        found[rows] = np.take_along_axis(best, order, axis=1)
    return found


def share_alike(pairs: Ints, labels: Sequence[str | None]) -> float | None:
    """Give the share of pairs (n, k) of one label, among those that have one; None without any."""
    named = [label for label in labels if label is not None]
    if not named:
        return None
    number = {label: n for n, label in enumerate(dict.fromkeys(named))}
    code = np.array([-1 if label is None else number[label] for label in labels])
    ours, theirs = np.broadcast_to(code[:, None], pairs.shape), code[pairs]
    known = (ours >= 0) & (theirs >= 0)
    return float((ours == theirs)[known].mean()) if known.any() else None


def share_together(pairs: Ints, owners: Sequence[Ints]) -> float | None:
    """Give the share of pairs (n, k) that one playlist holds; None where no track is in any."""
    sets = [frozenset(found.tolist()) for found in owners]
    if not any(sets):
        return None
    together = [
        not ours.isdisjoint(sets[other])
        for ours, row in zip(sets, pairs.tolist(), strict=True)
        for other in row
        if ours and sets[other]
    ]
    return sum(together) / len(together) if together else None


def strangers(n: int, k: int, seed: int = 0) -> Ints:
    """Draw k others for each of n at random: what shares come to by chance, (n, k)."""
    steps = np.random.default_rng(seed).integers(1, n, (n, k))
    return np.asarray((np.arange(n)[:, None] + steps) % n, dtype=np.int64)


def _umap(matrix: Floats, dimensions: int, seed: int, apart: float = 0.1) -> Floats:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numba's and scikit-learn's, about themselves
        from umap import UMAP

        reducer = UMAP(
            n_components=dimensions,
            n_neighbors=NEIGHBOURS,
            min_dist=apart,
            metric="cosine",
            random_state=seed,
            n_jobs=1,
        )
        return np.asarray(reducer.fit_transform(matrix), dtype=np.float32)


def _within(points: Floats) -> Floats:
    """Bring points into [-1, 1], those far outside nearer: how far off an island lies says nothing.

    Beyond the radius that holds nine tenths, distance from the middle grows by its logarithm.
    """
    centred = points - np.median(points, axis=0)
    radius = np.linalg.norm(centred, axis=1, keepdims=True)
    usual = max(float(np.quantile(radius, 0.9)), 1e-9)
    beyond = np.maximum(radius / usual, 1)
    drawn = centred * (1 + np.log(beyond)) / beyond
    return np.asarray(drawn / max(float(np.abs(drawn).max()), 1e-9), dtype=np.float32)


def _trust(matrix: Floats, low: Floats, chosen: Ints) -> float:
    """Venna & Kaski (2001): how far neighbours in the picture are neighbours in truth."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sklearn.manifold import trustworthiness

        k = min(NEIGHBOURS, len(chosen) // 2 - 1)
        found: float = trustworthiness(matrix[chosen], low[chosen], n_neighbors=k, metric="cosine")
    return float(found)
