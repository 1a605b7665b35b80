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
        rows = lags.astype(np.int64) * self._width + counts.sources
        order = np.lexsort((counts.targets, rows))
        self._targets = counts.targets[order].astype(np.int64)
        self._weights = counts.weights[order]
        places = np.arange((self.reach + 1) * self._width + 1)
        self._starts = np.searchsorted(rows[order], places)
        back = np.arange(1, self.reach + 1)
        # Of a session: rows of its tracks' own lags, then those of lag 0, and what each is worth.
        self._offsets = np.concatenate([back * self._width, 0 * back])
        self._worth = np.concatenate([np.ones(self.reach), 1 / back]).astype(np.float32)
        if not (lags == 0).any():
            self._offsets, self._worth = self._offsets[: self.reach], self._worth[: self.reach]

    def inputs(
        self, sessions: Sequence[Sequence[tuple[int, int]]]
    ) -> dict[str, NDArray[np.generic]]:
        """Give the graph's inputs: followers and their weights, both (B, S), padded with 0.

        A track that follows in several steps stands in a row several times; the graph adds them.
        """
        reach = range(1, self.reach + 1)
        items = np.array(
            [[session[-k][0] if k <= len(session) else 0 for k in reach] for session in sessions]
        )  # (B, L), newest first; item 0 has no followers
        times = len(self._offsets) // self.reach
        rows = np.tile(items, times) + self._offsets  # (B, L) or (B, 2 L)
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
        worth = np.repeat(np.tile(self._worth, len(rows)), sizes.ravel())
        weights[row, column] = self._weights[at] * worth
        return {"followers": followers, "weights": weights}


def followers(counts: TransitionCounts | None, tracks: int) -> Followers | None:
    """Give the counts of a hybrid; None where the network ranks alone."""
    return None if counts is None else Followers(counts, tracks)
