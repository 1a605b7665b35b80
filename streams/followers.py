"""What followed the newest tracks of a session: the counts of a hybrid, looked up for its graph.

A hybrid adds to the network's score of a track a weight times log(1 + c), where c is what the
counts say for it, added up over the newest tracks of the session: a product of two experts, the
counts' flattened so that a track which was never seen to follow keeps its score. The sum and the
logarithm are in `rank.onnx`, so that the ranking stays exact over the whole catalog; here are the
counts alone, as pairs of an item and a number.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .counts import TransitionCounts


class Followers:
    """Counts by step and source: `counts.parquet` in memory."""

    def __init__(self, counts: TransitionCounts, tracks: int) -> None:
        self.reach = counts.reach
        self._width = tracks + 1
        lags = np.ones_like(counts.sources) if counts.lags is None else counts.lags
        rows = (lags.astype(np.int64) - 1) * self._width + counts.sources
        order = np.lexsort((counts.targets, rows))
        self._targets = counts.targets[order].astype(np.int64)
        self._weights = counts.weights[order]
        self._starts = np.searchsorted(rows[order], np.arange(self.reach * self._width + 1))

    def inputs(
        self, sessions: Sequence[Sequence[tuple[int, int]]]
    ) -> dict[str, NDArray[np.generic]]:
        """Give the graph's inputs: followers and their weights, both (B, S), padded with 0.

        A track that follows in several steps stands in a row several times; the graph adds them.
        """
        steps, width = range(self.reach), self._width
        rows = np.array(
            [
                [
                    step * width + session[-1 - step][0] if step < len(session) else 0
                    for step in steps
                ]
                for session in sessions
            ]
        )  # (B, L); row 0 is padding's and empty
        first = self._starts[rows]
        sizes = self._starts[rows + 1] - first
        ends = np.cumsum(sizes)  # of the rows, one after another
        at = np.repeat(first.ravel() - (ends - sizes.ravel()), sizes.ravel()) + np.arange(ends[-1])
        each = sizes.sum(axis=1)  # (B,)
        row = np.repeat(np.arange(len(rows)), each)
        column = np.arange(len(at)) - np.repeat(np.cumsum(each) - each, each)
        shape = (len(rows), max(1, int(each.max())))
        followers = np.zeros(shape, dtype=np.int64)
        weights = np.zeros(shape, dtype=np.float32)
        followers[row, column] = self._targets[at]
        weights[row, column] = self._weights[at]
        return {"followers": followers, "weights": weights}
