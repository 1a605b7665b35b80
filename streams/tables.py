"""The tables of a bundle, catalog and counts: read from bytes, and hashed by what they say."""

from __future__ import annotations

import hashlib

import msgspec
import numpy as np

from .catalog import Catalog
from .counts import TransitionCounts
from .manifest import BundleError

CATALOG = "catalog.parquet"
COUNTS = "counts.parquet"


def tables_sha256(catalog: Catalog, counts: TransitionCounts | None) -> str:
    """Hash what the tables say, whatever bytes say it: damage before the files were hashed shows.

    A popularity list is asked by no golden question, and a title is no number at all.
    """
    digest = hashlib.sha256(
        msgspec.json.encode((catalog.track_ids, catalog.counts, catalog.titles))
    )
    if counts is not None:
        for column in (counts.sources, counts.targets, counts.weights):
            digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()


def read_catalog(raw: bytes) -> Catalog:
    """Read `catalog.parquet`; BundleError when it is none."""
    try:
        return Catalog.from_parquet(raw)
    except ValueError as err:
        raise BundleError(str(err), "catalog") from err


def read_counts(raw: bytes, tracks: int) -> TransitionCounts:
    """Read `counts.parquet`; BundleError when it is none, or names other than `tracks` items."""
    try:
        counts = TransitionCounts.from_parquet(raw)
    except ValueError as err:
        raise BundleError(str(err), "counts") from err
    if counts.largest_item > tracks:
        raise BundleError(
            f"{COUNTS} names item {counts.largest_item}, the catalog has {tracks}", "counts"
        )
    return counts
