"""Text files with a user on each line: its id, then the ids of what it has, spaces between them.

The form of the data that He et al. published with LightGCN (SIGIR 2020): `train.txt` and `test.txt`
in one folder. The order within a line says nothing there.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from models.graphs.graph import Ints

from .playlists import Playlists, numbered
from .text_lines import words_of_lines

TRAIN, TEST = "train.txt", "test.txt"


def read(path: Path) -> Playlists:
    """Read one file.

    Raises:
        ValueError: it is no such file, is not UTF-8, or has no user with an item.
    """
    (found,) = _read([path])
    return found


def read_split(directory: Path) -> tuple[Playlists, Playlists]:
    """Read `train.txt` and `test.txt` over one catalog: training and test pairs.

    Raises:
        ValueError: as `read`.
    """
    train, test = _read([directory / TRAIN, directory / TEST])
    return train, test


def _read(paths: list[Path]) -> list[Playlists]:
    pairs = pl.concat([_pairs(path).with_columns(file=i) for i, path in enumerate(paths)])
    users = pairs["user"].unique(maintain_order=True)
    items = pairs["item"].drop_nulls().unique(maintain_order=True)
    found = []
    for i in range(len(paths)):
        part = pairs.filter(pl.col("file") == i).drop_nulls()
        found.append(
            numbered(
                users.to_list(),
                items.to_list(),
                _numbers(part["user"], users),
                _numbers(part["item"], items),
                ordered=False,
            )
        )
    return found


def _pairs(path: Path) -> pl.DataFrame:
    """Give user and item of each pair; a user without items has one row, without an item."""
    words = words_of_lines(path, "lines of a user and its items")
    pairs = (
        words.filter(words.list.len() > 0)
        .to_frame()
        .select(user=pl.col("words").list.first(), item=pl.col("words").list.slice(1))
        .explode("item", empty_as_null=True)
    )
    if not pairs["item"].count():
        raise ValueError(
            f"{path} has no user with an item: expected a user on each line, followed by items"
        )
    return pairs


def _numbers(ids: pl.Series, catalog: pl.Series) -> Ints:
    return ids.cast(pl.Enum(catalog)).to_physical().to_numpy().astype(np.int64)
