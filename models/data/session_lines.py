"""A text file with a session on each line: its track ids in the order of play, spaces between them.

The plainest form that listening can have, for data that no loader knows. There are no times and no
skips in it, so every track counts as heard. A session is named by its line.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from .canonical import SCHEMA

_HEARD = 1
_LONGEST = 128  # characters of a track id, as on the wire


def read(path: Path) -> pl.DataFrame:
    """Read the file into the canonical frame; empty lines are no sessions.

    Raises:
        ValueError: it is no such file, is not UTF-8, holds no track, or has a track id that is too
            long.
    """
    if not path.is_file():
        raise ValueError(f"{path} is not a file: expected a text file with a session on each line")
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as err:
        raise ValueError(
            f"{path} is not UTF-8 ({err}): expected track ids, a session on each line"
        ) from err
    rows = (
        pl.DataFrame({"line": lines}, schema={"line": pl.String})
        .select(
            session_id=pl.int_range(1, pl.len() + 1).cast(pl.String),
            track_id=pl.col("line").str.extract_all(r"\S+"),
        )
        .filter(pl.col("track_id").list.len() > 0)
        .explode("track_id")
    )
    if not rows.height:
        raise ValueError(f"{path} holds no track: expected track ids, a session on each line")
    long = rows.filter(pl.col("track_id").str.len_chars() > _LONGEST)
    if long.height:
        raise ValueError(
            f"{path}, line {long['session_id'][0]}: a track id of "
            f"{len(long['track_id'][0])} characters, expected {_LONGEST} at most, with spaces "
            "between track ids"
        )
    return rows.select(
        "session_id",
        position=pl.int_range(pl.len(), dtype=pl.Int32).over("session_id"),
        track_id="track_id",
        outcome=pl.lit(_HEARD, pl.Int8),
        occurred_at=pl.lit(None, SCHEMA["occurred_at"]),
        context_type=pl.lit(None, pl.String),
    )
