"""Simulated content features, for data that has none: what tracks are like, seen through noise.

Each track is a random projection of which tracks it was played near in *training* sessions, and
half as much noise again as there is signal. That stands for an audio description that knows
something of what goes together; it is labelled as simulated wherever it is used.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.sessions import Sessions

COLUMNS = 28  # as many as MSSD has of each track that are numbers
NEAR = 3  # positions to each side
NOISE = 1.5  # deviations of the signal


def simulated_features(
    train: Sessions, rng: np.random.Generator, noise: float = NOISE
) -> NDArray[np.float64]:
    """Draw features (N, COLUMNS) for the catalog of the training sessions."""
    size = train.n_items + 1
    left, right, weight = _near(train)
    directions = rng.standard_normal((size, COLUMNS))
    signal = np.stack(
        [
            np.bincount(left, weights=weight * directions[right, column], minlength=size)
            for column in range(COLUMNS)
        ],
        axis=1,
    )
    length = np.sqrt(np.bincount(left, weights=weight**2, minlength=size))
    # As strong for a rare track as for a common one.
    scaled: NDArray[np.float64] = signal[1:] / np.maximum(length[1:], 1e-12)[:, None]
    return scaled + noise * rng.standard_normal(scaled.shape)


def _near(
    train: Sessions,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Every pair of tracks that were played near each other, both ways, and how often (log)."""
    owner = np.repeat(np.arange(len(train)), train.lengths)
    items, width = train.items.astype(np.int64), train.n_items + 1
    pairs = []
    for step in range(1, NEAR + 1):
        inside = (owner[:-step] == owner[step:]) & (items[:-step] > 0) & (items[step:] > 0)
        left, right = items[:-step][inside], items[step:][inside]
        pairs += [left * width + right, right * width + left]
    found, count = np.unique(np.concatenate(pairs), return_counts=True)
    left, right = np.divmod(found, width)
    return left, right, np.log1p(count)
