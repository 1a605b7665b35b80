"""Transition counts: how often a track followed another, and the engine that ranks by them.

A bundle of counts alone (a Markov chain) is served by `CountsEngine`; beside a network, counts are
read by followers.py. Counts that move with the events are not here: these are frozen with their
bundle.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from .catalog import Catalog, read_table

_SCHEMA = {"source": pl.Int32, "target": pl.Int32, "weight": pl.Float32}
_LAGGED = {"lag": pl.Int32, **_SCHEMA}


@dataclass(frozen=True, eq=False)
class TransitionCounts:
    """Weight of each seen pair (source item, target item), so many steps apart; it occurs once.

    A pair of lag 0 stood near each other, either way: it counts from whichever of the newest tracks
    its source is, divided by the steps back.

    Raises:
        ValueError: lengths differ, an item below 1 or lag below 0, a weight not finite and
            positive, a pair twice.
    """

    sources: NDArray[np.int32]  # (n,)
    targets: NDArray[np.int32]  # (n,)
    weights: NDArray[np.float32]  # (n,)
    lags: NDArray[np.int32] | None = None  # (n,) steps from source to target; None: one, all

    def __post_init__(self) -> None:
        lags = np.ones_like(self.sources) if self.lags is None else self.lags
        if not len(self.sources) == len(self.targets) == len(self.weights) == len(lags):
            raise ValueError(
                f"counts have {len(self.sources)} sources, {len(self.targets)} targets, "
                f"{len(self.weights)} weights and {len(lags)} lags, expected the same number of "
                "each"
            )
        if not len(self.weights):
            return
        if lags.min() < 0:
            raise ValueError(f"counts hold a lag of {lags.min()}, expected 0 or more")
        if min(self.sources.min(), self.targets.min()) < 1:
            raise ValueError("counts hold item 0 or below, expected 1..N (0 is padding)")
        if not np.isfinite(self.weights).all() or self.weights.min() <= 0:
            raise ValueError("counts hold a weight that is not finite and positive")
        size = self.largest_item + 1
        steps = lags.astype(np.int64)
        pairs = (steps * size + self.sources) * size + self.targets.astype(np.int64)
        if len(np.unique(pairs)) != len(pairs):
            raise ValueError("counts hold a pair twice, expected the sum of its weights once")

    @property
    def largest_item(self) -> int:
        """The largest item named, 0 when there is none."""
        if not len(self.sources):
            return 0
        return int(max(self.sources.max(), self.targets.max()))

    @property
    def reach(self) -> int:
        """How many steps back the newest source may be, 1 when there is none."""
        return 1 if self.lags is None else int(self.lags.max(initial=1))

    def to_parquet(self) -> bytes:
        """Give `counts.parquet`: source, target, weight, and lag before them if there are any."""
        columns = {"source": self.sources, "target": self.targets, "weight": self.weights}
        if self.lags is None:
            frame = pl.DataFrame(columns, schema=_SCHEMA)
        else:
            frame = pl.DataFrame({"lag": self.lags, **columns}, schema=_LAGGED)
        file = io.BytesIO()
        frame.write_parquet(file)
        return file.getvalue()

    @classmethod
    def from_parquet(cls, raw: bytes) -> TransitionCounts:
        """Read `counts.parquet`; ValueError when it holds anything else."""
        frame = read_table("counts.parquet", raw, _SCHEMA, _LAGGED)
        return cls(
            sources=frame["source"].to_numpy(),
            targets=frame["target"].to_numpy(),
            weights=frame["weight"].to_numpy(),
            lags=frame["lag"].to_numpy() if "lag" in frame.columns else None,
        )


class CountsEngine:
    """Ranks what followed the newest track, then everything else by popularity.

    A target seen with weight w scores 1 + w; any other track scores its share of all plays, which
    is at most 1. So scores never rise down the list, a seen transition always stands before a
    track that is only popular, and equal scores are in order of popularity.
    """

    provider = "cpu"
    length = 1  # a one-step chain reads the newest track alone

    def __init__(self, counts: TransitionCounts, catalog: Catalog, cutoff: int) -> None:
        self.cutoff = cutoff
        popularity = np.zeros(len(catalog) + 1, dtype=np.int64)
        popularity[list(catalog.popular)] = np.arange(1, len(catalog) + 1)
        order = np.lexsort((popularity[counts.targets], -counts.weights, counts.sources))
        self._targets = counts.targets[order].astype(np.int64)
        self._scores = (1 + counts.weights[order]).astype(np.float32)
        self._starts = np.searchsorted(counts.sources[order], np.arange(len(catalog) + 2))
        self._popular = np.array(catalog.popular, dtype=np.int64)
        plays = np.array(catalog.counts, dtype=np.float64)[self._popular - 1]
        self._shares = (plays / max(plays.sum(), 1)).astype(np.float32)

    def top(
        self, sessions: Sequence[Sequence[tuple[int, int]]], exclude: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Give scores and candidates, both (B, K); what is missing is item 0 with -inf."""
        scores = np.full((len(sessions), self.cutoff), -np.inf, dtype=np.float32)
        candidates = np.zeros((len(sessions), self.cutoff), dtype=np.int64)
        for row, session in enumerate(sessions):
            current = session[-1][0]
            seen = slice(self._starts[current], self._starts[current + 1])
            taken = self._fill(
                scores[row], candidates[row], 0, self._targets[seen], self._scores[seen],
                exclude[row],
            )  # fmt: skip
            already = np.concatenate((exclude[row], candidates[row, :taken]))
            self._fill(scores[row], candidates[row], taken, self._popular, self._shares, already)
        return scores, candidates

    @staticmethod
    def _fill(
        scores: NDArray[np.float32],
        candidates: NDArray[np.int64],
        start: int,
        items: NDArray[np.int64],
        values: NDArray[np.float32],
        without: NDArray[np.int64],
    ) -> int:
        """Write the best of `items` from `start` on, leaving some out; give the new end."""
        room = len(candidates) - start
        head = slice(0, room + len(without))  # enough, whatever is left out of it
        keep = ~np.isin(items[head], without)
        found = items[head][keep][:room]
        end = start + len(found)
        candidates[start:end] = found
        scores[start:end] = values[head][keep][:room]
        return end
