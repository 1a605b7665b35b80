"""A text file with a session on each line: its track ids in the order of play, spaces between them.

The plainest form that listening can have, for data that no loader knows. There are no times and no
skips in it, so every track counts as heard. A session is named by its line.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from .canonical import all_heard
from .text_lines import words_of_lines

_LONGEST = 128  # characters of a track id, as on the wire


def read(path: Path) -> pl.DataFrame:
    """Read the file into the canonical frame; empty lines are no sessions.

    Raises:
        ValueError: it is no such file, is not UTF-8, holds no track, or has a track id that is too
            long.
    """
    words = words_of_lines(path, "track ids, a session on each line")
    rows = (
        words.to_frame("track_id")
        .select(pl.int_range(1, pl.len() + 1).cast(pl.String).alias("session_id"), "track_id")
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
    return all_heard(rows)
