"""Content features of tracks, as an encoder reads them: numbers, standardised, a row for each item.

Navon & Andrade (2019, section 3.1) standardise MSSD's features of each track.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

KEY = "track_id"


def standardised(values: NDArray[np.floating]) -> Tensor:
    """Give each column mean 0 and deviation 1, (N, F) -> (N + 1, F); row 0, for padding, is 0.

    A column that never varies becomes 0.

    Raises:
        ValueError: a value is not finite, or there is nothing.
    """
    if values.ndim != 2 or not values.size:
        raise ValueError(f"features are {values.shape}, expected (tracks, columns), none of them 0")
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0].tolist()
        raise ValueError(
            f"feature {column} of item {row + 1} is {values[row, column]}, expected a number: fill "
            "in what is missing, with the mean of its column for instance"
        )
    deviation = values.std(axis=0)
    scaled = (values - values.mean(axis=0)) / np.where(deviation > 0, deviation, 1)
    return torch.from_numpy(np.vstack([np.zeros(values.shape[1]), scaled]).astype(np.float32))


def read_features(path: Path, track_ids: Sequence[str]) -> Tensor:
    """Read a Parquet file of `track_id` and numbers for a catalog: standardised, (N + 1, F).

    A column of words is left out, but for `mode` (major or minor); a track that the file does not
    have, or a value that is missing there, gets its column's mean.

    Raises:
        ValueError: there is no `track_id`, no number, no track of the catalog, or a value is NaN.
        FileNotFoundError: there is no such file.
    """
    table = _table(path)
    numbers = feature_names(path)
    wanted = pl.DataFrame({KEY: list(track_ids)})
    known = table.unique(KEY, keep="first").select(KEY, *numbers)
    found = wanted.join(known, on=KEY, how="left", maintain_order="left").select(numbers)
    if not len(wanted.join(known, on=KEY, how="semi")):
        raise ValueError(
            f"{path} knows none of the {len(wanted)} tracks; give the features of the data set "
            "that is trained on"
        )
    filled = found.with_columns(pl.all().cast(pl.Float64).fill_null(pl.all().mean()))
    filled = filled.fill_null(0)  # a column of which no track has a value says nothing
    return standardised(filled.to_numpy())


def feature_names(path: Path) -> list[str]:
    """Name the columns that `read_features` takes of a file.

    Raises:
        ValueError: there is no `track_id`, or no number.
    """
    names = [name for name, kind in _table(path).schema.items() if kind.is_numeric()]
    if not names:
        raise ValueError(f"{path} has no column of numbers")
    return names


def _table(path: Path) -> pl.DataFrame:
    table = pl.read_parquet(path)
    if KEY not in table.columns:
        raise ValueError(f"{path} has columns {table.columns}, expected {KEY} and numbers")
    if table.schema.get("mode") == pl.String:
        table = table.with_columns(pl.col("mode").eq("major").cast(pl.Float32))
    return table
