"""Embeddings in a model's space for tracks that its training sessions never had.

What both spaces know of some tracks says where the others belong: either a track gets the mean of
the rows of the known tracks it is nearest to in the file, or the file's space is mapped onto the
model's by least squares. Nothing here looks at a session.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Placing = Literal["neighbours", "map"]

NEIGHBOURS = 10
RIDGE = 1e-2  # share of the mean variance that is added to each direction's
_CELLS = 20_000_000  # similarities held at once


class Placed(NamedTuple):
    """Where M cold tracks stand among n known ones."""

    rows: Floats  # (M, D)
    nearest: Ints  # (M,) of the known tracks, the most alike in the file: from 0


def place(
    known: Floats, rows: Floats, cold: Floats, by: Placing = "map", k: int = NEIGHBOURS
) -> Placed:
    """Give rows for cold tracks, (n, W), (n, D), (M, W) -> (M, D).

    `known` and `cold` are of the file, `rows` of the model.

    Raises:
        ValueError: there are fewer than two known tracks.
    """
    if len(known) < 2:
        raise ValueError(f"{len(known)} tracks are known to both, expected two or more")
    centre = known.mean(axis=0)
    ours, theirs = _unit(known - centre), _unit(cold - centre)
    nearest = np.empty(len(cold), dtype=np.int64)
    placed = np.empty((len(cold), rows.shape[1]), dtype=np.float32)
    mapped = _least_squares(known, rows) if by == "map" else None
    for part in _parts(len(cold), len(known)):
        alike = theirs[part] @ ours.T  # (m, n)
        nearest[part] = alike.argmax(axis=1)
        if mapped is not None:
            placed[part] = mapped(cold[part])
            continue
        best = np.argpartition(-alike, min(k, len(known)) - 1, axis=1)[:, :k]  # (m, k)
        placed[part] = rows[best].mean(axis=1)
    return Placed(placed, nearest)


def _least_squares(known: Floats, rows: Floats) -> Callable[[Floats], Floats]:
    """Fit rows by an affine map of the file's vectors, slightly pulled to the mean row."""
    centre, mean = known.mean(axis=0), rows.mean(axis=0)
    x, y = (known - centre).astype(np.float64), (rows - mean).astype(np.float64)
    square = x.T @ x
    square[np.diag_indices_from(square)] += RIDGE * np.trace(square) / len(square)
    weights = np.linalg.solve(square, x.T @ y)  # (W, D)
    return lambda cold: np.asarray((cold - centre) @ weights + mean, dtype=np.float32)


def _unit(matrix: Floats) -> Floats:
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    return np.asarray(matrix / np.where(lengths > 0, lengths, 1), dtype=np.float32)


def _parts(rows: int, columns: int) -> Iterator[slice]:
    size = max(1, _CELLS // columns)
    return (slice(start, start + size) for start in range(0, rows, size))
