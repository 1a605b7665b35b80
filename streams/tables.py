"""The tables of a bundle, rows and weights: read from bytes, and hashed by what they say."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from .catalog import Catalog
from .continuations import CONTINUATIONS, Continuations
from .counts import TransitionCounts
from .items import Items
from .manifest import BundleError
from .second_stage import SecondStage

CATALOG = "catalog.parquet"
COUNTS = "counts.parquet"
T = TypeVar("T", TransitionCounts, Continuations)


def tables_sha256(
    catalog: Catalog,
    counts: TransitionCounts | None,
    items: Items | None,
    second_stage: SecondStage | None = None,
) -> str:
    """Hash what the tables say, whatever bytes say it: damage before the files were hashed shows.

    No question asks for a title or for the popularity list, and a weight that matters little in
    those that are asked may matter in another.
    """
    digest = hashlib.sha256(
        msgspec.json.encode((catalog.track_ids, catalog.counts, catalog.titles))
    )
    columns: tuple[NDArray[Any] | None, ...] = ()
    if counts is not None:
        columns = (counts.sources, counts.targets, counts.weights, counts.lags)
    if second_stage is not None:
        found = second_stage.continuations
        columns += (found.keys, found.targets, found.shares)
        digest.update(second_stage.graph)  # no question asks for every run of tracks either
    for array in (*columns, *(items or ())):
        if array is not None:
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def read_catalog(raw: bytes) -> Catalog:
    """Read `catalog.parquet`; BundleError when it is none."""
    try:
        return Catalog.from_parquet(raw)
    except ValueError as err:
        raise BundleError(str(err), "catalog") from err


def read_counts(raw: bytes, tracks: int) -> TransitionCounts:
    """Read `counts.parquet`; BundleError when it is none, or names other than `tracks` items."""
    return _of_items(COUNTS, TransitionCounts.from_parquet, raw, tracks)


def read_continuations(raw: bytes, tracks: int) -> Continuations:
    """Read `continuations.parquet`; BundleError when it is none, or names other items."""
    return _of_items(CONTINUATIONS, Continuations.from_parquet, raw, tracks)


def _of_items(name: str, read: Callable[[bytes], T], raw: bytes, tracks: int) -> T:
    try:
        found = read(raw)
    except ValueError as err:
        raise BundleError(str(err), "counts") from err
    if found.largest_item > tracks:
        raise BundleError(
            f"{name} names item {found.largest_item}, the catalog has {tracks}", "counts"
        )
    return found
