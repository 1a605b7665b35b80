"""MSSD's track features (`tf_*.csv`): 29 numbers and words about each of 3.7 million tracks.

Written beside the sessions as `track_features.parquet`, for graphs and cold starts; no sequence
model reads them. Schema: Brost, Mehrotra, Jehan, arXiv:1901.09851; names are kept as published. All
of it is held in memory once, about 1 GB for the whole data set.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from .csv_blocks import BLOCK_BYTES, Faults, blocks, csv_files, header, typed

FEATURES_FILE = "track_features.parquet"

SCHEMA: dict[str, pl.DataType] = {
    "duration": pl.Float32(),  # seconds
    "release_year": pl.Int16(),
    "us_popularity_estimate": pl.Float32(),  # percentile, 0 to 100
    **{
        name: pl.Float32()
        for name in (
            "acousticness", "beat_strength", "bounciness", "danceability", "dyn_range_mean",
            "energy", "flatness", "instrumentalness",
        )
    },
    "key": pl.Int8(),  # pitch class, 0 is C
    "liveness": pl.Float32(),
    "loudness": pl.Float32(),  # dB
    "mechanism": pl.Float32(),
    "mode": pl.String(),  # major or minor
    "organism": pl.Float32(),
    "speechiness": pl.Float32(),
    "tempo": pl.Float32(),  # beats a minute
    "time_signature": pl.Int8(),
    "valence": pl.Float32(),
    **{f"acoustic_vector_{i}": pl.Float32() for i in range(8)},
}  # fmt: skip


def feature_files(path: Path) -> list[Path]:
    """The `tf_*` files under a directory (or `path`, if it is one)."""
    if path.is_file() and not path.name.startswith("tf_"):
        return []
    return csv_files(path, "tf_*")


def read(path: Path, faults: Faults, *, block_bytes: int = BLOCK_BYTES) -> Iterator[pl.DataFrame]:
    """Yield `track_id` and the features of one file by the block.

    Raises:
        ValueError: a column is missing or a row is malformed (unless `faults` skips those).
    """
    named = header(path)
    columns = {
        name: pl.col(name).cast(kind, strict=False)
        for name, kind in SCHEMA.items()
        # Copies of the data differ in how many acoustic vectors they carry: null where absent.
        if name in named or not name.startswith("acoustic_vector_")
    }
    columns["mode"] = pl.when(pl.col("mode").is_in(["major", "minor"])).then("mode")
    columns = {"track_id": pl.col("track_id"), **columns}
    for text in blocks(path, list(columns), faults, block_bytes=block_bytes):
        frame = typed(text, columns, path, faults)
        absent = [pl.lit(None, SCHEMA[name]).alias(name) for name in SCHEMA if name not in columns]
        yield frame.with_columns(absent).select("track_id", *SCHEMA)


def write_features(files: list[Path], out: Path, faults: Faults) -> int:
    """Write one Parquet file, the first row of each track; return how many there are."""
    frame = pl.concat(pl.concat(read(file, faults)) for file in files)
    frame = frame.unique("track_id", keep="first", maintain_order=True)
    frame.write_parquet(out, compression="zstd")
    return frame.height
