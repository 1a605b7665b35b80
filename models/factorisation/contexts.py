"""What is known before a track begins, each as one column of numbers: contexts of an FM.

Ibero, Pérez & Martínez, "Music Recommendation using Graph Convolutional Networks" (UPC, 2021),
sections 5 and 6: the previous item, skips, repeats and the hour of the day. Their skip and repeat
are those of the track that is asked for; ours are of the one before it, which a player knows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..sessions import MAX_OUTCOME

Ints = NDArray[np.int64]

CONTEXTS = ("previous", "previous-2", "previous-3", "skip", "repeated", "hour")
_HOURS = 24


class Column(NamedTuple):
    """One number for each row, 0 where there is nothing to tell."""

    ids: Ints  # (n,)
    size: int  # ids are below it


def column(name: str, frame: pl.DataFrame, items: Ints, n_items: int) -> Column:
    """Give a context of each row of a canonical frame; `items` (n,) are its tracks as 1..n_items.

    Raises:
        ValueError: there is no such context, or the source has no clock for `hour`.
    """
    if name == "hour":
        if frame["occurred_at"].null_count():
            raise ValueError("the context hour needs times, and the data has rows without one")
        return Column(frame["occurred_at"].dt.hour().cast(pl.Int64).to_numpy(), _HOURS)
    position = frame["position"].to_numpy()
    if name == "skip":
        return Column(_before(frame["outcome"].to_numpy(), position, 1), MAX_OUTCOME + 1)
    if name == "repeated":
        first = frame.select(pl.col("track_id").is_first_distinct().over("session_id"))
        return Column(_before(~first.to_series().to_numpy(), position, 1), 2)
    if name not in CONTEXTS:
        raise ValueError(f"unknown context {name!r}, expected some of {', '.join(CONTEXTS)}")
    steps = int(name.partition("-")[2] or 1)
    return Column(_before(items, position, steps), n_items + 1)


def _before(values: NDArray[np.generic], position: Ints, steps: int) -> Ints:
    """What the row `steps` earlier in the same session has; 0 where it has none."""
    shifted = np.concatenate([np.zeros(steps, np.int64), values.astype(np.int64)])[: len(values)]
    return np.where(position >= steps, shifted, 0)
