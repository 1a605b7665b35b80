"""The dense subset of the Music Streaming Sessions Dataset: 10,000 sessions with five skip levels.

CSV with the columns `user_id` (one value for each session), `song_id`, `previous_song` (-1 at the
start) and `skipped`, rows in play order; no times, features or names. The raw data set, with all of
its 21 columns, is read by `mssd.py`.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from .canonical import SCHEMA

# The level is how many of MSSD's nested flags (skip_1 in skip_2 in skip_3: "played very briefly",
# "briefly", "mostly"; arXiv:1901.09851 section 3) are *not* set, and 4 stands for not_skipped.
# Level 3 carries no flag at all: the listener passed even skip_3's limit without reaching the very
# end. By the nesting that is more of the track than any skip, so it is heard and not unknown.
OUTCOMES: dict[int, int] = {
    0: 4,  # skip_1: skipped at once
    1: 3,  # skip_2: skipped early
    2: 2,  # skip_3: skipped late
    3: 1,  # no flag: heard, all but the end
    4: 1,  # not_skipped: heard
}
COLUMNS = ["user_id", "song_id", "previous_song", "skipped"]


def read(path: Path) -> pl.DataFrame:
    """Read the CSV (or the one CSV in a directory) into the canonical frame.

    ValueError names the line of the first row that is not what the data set holds.
    """
    file = _the_file(path)
    rows = pl.read_csv(file, infer_schema=False)
    if rows.columns != COLUMNS:
        raise ValueError(f"{file}: expected the columns {COLUMNS}, found {rows.columns}")
    rows = rows.with_columns(pl.col(COLUMNS).cast(pl.Int64, strict=False))
    bad = rows.with_row_index("line", offset=2).filter(
        pl.any_horizontal(pl.col(COLUMNS).is_null()) | ~pl.col("skipped").is_in(list(OUTCOMES))
    )
    if bad.height:
        raise ValueError(
            f"{file}: {bad.height} malformed rows, the first at line {bad['line'][0]}: expected "
            f"whole numbers and `skipped` in 0..4"
        )
    started = (pl.col("user_id") != pl.col("user_id").shift()).fill_null(value=True)
    contiguous = rows.select(started.sum()).item()
    if contiguous != rows["user_id"].n_unique():
        raise ValueError(
            f"{file}: rows of one session (`user_id`) must stand together, in play order"
        )
    return rows.select(
        session_id=pl.col("user_id").cast(pl.String),
        position=pl.int_range(pl.len(), dtype=pl.Int32).over("user_id"),
        track_id=pl.col("song_id").cast(pl.String),
        outcome=pl.col("skipped").replace_strict(OUTCOMES, return_dtype=pl.Int8),
        occurred_at=pl.lit(None, SCHEMA["occurred_at"]),
        context_type=pl.lit(None, pl.String),
    )


def _the_file(path: Path) -> Path:
    if path.is_file():
        return path
    found = sorted(path.glob("*.csv")) if path.is_dir() else []
    if len(found) != 1:
        raise ValueError(
            f"expected a CSV file or a directory with one, found {len(found)} at {path}"
        )
    return found[0]
