"""30Music, the sample in one Parquet file: sessions of 2014 with true times and seconds played.

Turrin, Quadrana, Condorelli, Pagano & Cremonesi, "30Music listening and playlists dataset" (RecSys
2015 poster). Columns `session_id`, `user_id`, `song_id`, `ts` (Unix seconds) and `playtime`
(seconds), one row for each track of a session. Sessions come out in order of their first event, so
that a split in the data set's order is a split by time.

How a track ended is guessed, for the source has no skips: its playtime is compared with the median
playtime of its song in the whole file, which stands for the song's length. Under a tenth of it is a
skip at once, under half an early one, under nine tenths a late one; as heard counts all else. These
are weak: a song that is always skipped early has a short median, and 1.7 % of all rows fall under
half.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from .canonical import SCHEMA

COLUMNS = ("session_id", "user_id", "song_id", "ts", "playtime")
LIMITS = ((0.1, 4), (0.5, 3), (0.9, 2))
"""Share of the song's median playtime below which the outcome is the code beside it."""
_HEARD = 1


def read(path: Path) -> pl.DataFrame:
    """Read the file, or the one Parquet file in a directory: the canonical rows and `ms_played`.

    Raises:
        ValueError: no such file, other columns, a missing value, or a session in two places.
    """
    file = _the_file(path)
    try:
        rows = pl.read_parquet(file)
    except (pl.exceptions.PolarsError, OSError) as err:
        raise ValueError(f"{file} cannot be read as Parquet: {err}") from err
    wrong = [name for name in COLUMNS if not rows.schema.get(name, pl.String()).is_integer()]
    if wrong:
        raise ValueError(f"{file}: expected whole numbers in the columns {list(COLUMNS)}, not so "
                         f"in {wrong}; it has {dict(rows.schema)}")  # fmt: skip
    rows = rows.select(pl.col(COLUMNS).cast(pl.Int64))
    if missing := sum(rows.null_count().row(0)):
        raise ValueError(f"{file}: {missing} values are missing, expected none")
    rows = rows.sort(pl.col("ts").min().over("session_id"), "session_id", "ts", maintain_order=True)
    share = pl.col("playtime") / pl.col("playtime").median().over("song_id")
    outcome = pl.lit(_HEARD)
    for limit, code in reversed(LIMITS):
        outcome = pl.when(share < limit).then(code).otherwise(outcome)
    return rows.select(
        session_id=pl.col("session_id").cast(pl.String),
        position=pl.int_range(pl.len(), dtype=pl.Int32).over("session_id"),
        track_id=pl.col("song_id").cast(pl.String),
        outcome=outcome.cast(pl.Int8),
        occurred_at=(pl.col("ts") * 1000).cast(SCHEMA["occurred_at"]),
        context_type=pl.lit(None, SCHEMA["context_type"]),
        ms_played=pl.col("playtime") * 1000,
    )


def _the_file(path: Path) -> Path:
    if path.is_file():
        return path
    found = sorted(path.glob("*.parquet")) if path.is_dir() else []
    if len(found) != 1:
        raise ValueError(
            f"expected a Parquet file or a directory with one, found {len(found)} at {path}"
        )
    return found[0]
