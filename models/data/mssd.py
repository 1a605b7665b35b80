"""The Music Streaming Sessions Dataset as published: logs of 21 columns, 160 million sessions.

Streams: at most a block of text is held, and a session that lies across two blocks is put together.
Rows of a session stand together in these files; their order is `session_position`. Brost, Mehrotra,
Jehan, arXiv:1901.09851, section 3 and the schema that comes with the data. Not here: the ten-track
test set of the skip prediction challenge, which has other columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from .canonical import SCHEMA
from .csv_blocks import BLOCK_BYTES, Faults, blocks, csv_files, typed

EXTRAS: dict[str, pl.DataType] = {
    "reason_start": pl.String(),
    "reason_end": pl.String(),
    "shuffle": pl.Boolean(),
}
_SHUFFLE = "hist_user_behavior_is_shuffle"
_FLAGS = ["skip_1", "skip_2", "skip_3", "not_skipped"]
COLUMNS = [
    "session_id", "session_position", "session_length", "track_id_clean", *_FLAGS,
    "hour_of_day", "date", "context_type",
    "hist_user_behavior_reason_start", "hist_user_behavior_reason_end", _SHUFFLE,
]  # fmt: skip


@dataclass
class Tally:
    """What was seen on the way."""

    rows: int = 0
    sessions: int = 0
    pieces: int = 0  # sessions with fewer rows than their own session_length


def log_files(path: Path) -> list[Path]:
    """The session logs at `path`, by name; track features are not among them."""
    return [file for file in csv_files(path, "*") if not file.name.startswith("tf_")]


def read(path: Path) -> pl.DataFrame:
    """Read everything into memory: for samples. Import the whole data set instead."""
    return pl.concat(batches(path, Faults(), Tally()))


def batches(
    path: Path,
    faults: Faults,
    tally: Tally,
    *,
    block_bytes: int = BLOCK_BYTES,
    progress: Callable[[int], None] = lambda n: None,
) -> Iterator[pl.DataFrame]:
    """Yield canonical frames of whole sessions from one log file or all log files under `path`.

    Raises:
        ValueError: no file, a column is missing, a row is malformed (unless `faults` skips those),
            or the rows of a session do not stand together.
    """
    files = log_files(path)
    if not files:
        raise ValueError(f"no .csv or .csv.gz session logs at {path}")
    pending = pl.DataFrame()
    for file in files:
        for text in blocks(file, COLUMNS, faults, block_bytes=block_bytes, progress=progress):
            rows = _occurrences(text, file, faults)
            rows = pl.concat([pending, rows]) if pending.height else rows
            if not rows.height:
                continue
            run = rows["session_id"].rle_id()
            whole = run < run[-1]  # the last session may go on in the next block, or file
            yield from _sessions(rows.filter(whole), file, tally)
            pending = rows.filter(~whole)
    yield from _sessions(pending, files[-1], tally)


def _occurrences(text: pl.DataFrame, file: Path, faults: Faults) -> pl.DataFrame:
    flag = {name: _boolean(name) for name in [*_FLAGS, _SHUFFLE]}
    hour = pl.col("hour_of_day").cast(pl.Int8, strict=False)
    day = pl.col("date").str.to_date("%Y-%m-%d", strict=False)
    rows = typed(
        text,
        {
            "session_id": pl.col("session_id"),
            "track_id": pl.col("track_id_clean"),
            "session_position": pl.col("session_position").cast(pl.Int32, strict=False),
            "session_length": pl.col("session_length").cast(pl.Int32, strict=False),
            **flag,
            # The hour is all there is: it dates a session, it does not order its tracks.
            "occurred_at": pl.when(hour.is_between(0, 23)).then(
                day.cast(pl.Datetime("ms")).dt.replace_time_zone("UTC") + pl.duration(hours=hour)
            ),
        },
        file,
        faults,
    )
    optional = text.select(
        "line",
        pl.col("context_type"),
        reason_start=pl.col("hist_user_behavior_reason_start"),
        reason_end=pl.col("hist_user_behavior_reason_end"),
    )
    if optional.height != rows.height:
        optional = optional.join(rows.select("line"), on="line", how="semi", maintain_order="left")
    skipped = pl.any_horizontal(_FLAGS[:3])
    # The skip flags nest (skip_1 in skip_2 in skip_3), so the first that is set is the strength.
    # No flag at all: longer than skip_3's "most of the track", so heard; see mssd_mini.OUTCOMES.
    outcome = (
        pl.when(pl.col("not_skipped") & skipped).then(0)  # contradicts itself: unknown
        .when("skip_1").then(4)
        .when("skip_2").then(3)
        .when("skip_3").then(2)
        .otherwise(1)
        .cast(pl.Int8)
    )  # fmt: skip
    return pl.concat([rows, optional.drop("line")], how="horizontal").select(
        "session_id", "session_position", "session_length", "track_id", outcome.alias("outcome"),
        pl.col("occurred_at").cast(SCHEMA["occurred_at"]), "context_type",
        "reason_start", "reason_end", pl.col(_SHUFFLE).alias("shuffle"),
    )  # fmt: skip


def _boolean(name: str) -> pl.Expr:
    text = pl.col(name).str.to_lowercase()
    return (
        pl.when(text.is_in(["true", "1"])).then(statement=True)
        .when(text.is_in(["false", "0"])).then(statement=False)
    )  # fmt: skip


def _sessions(rows: pl.DataFrame, file: Path, tally: Tally) -> Iterator[pl.DataFrame]:
    """The canonical frame of rows that hold whole sessions; nothing for no rows."""
    if not rows.height:
        return
    runs = rows["session_id"].rle()
    ids, lengths = runs.struct.field("value"), runs.struct.field("len").to_numpy()
    if ids.n_unique() != len(ids):
        twice = ids.filter(ids.is_duplicated())[0]
        raise ValueError(
            f"{file}: the rows of session {twice} do not stand together: sort the file"
        )
    starts = np.cumsum(lengths) - lengths
    rows = rows.with_columns(run=rows["session_id"].rle_id()).sort("run", "session_position")
    tally.rows += rows.height
    tally.sessions += len(ids)
    tally.pieces += int((lengths < rows["session_length"].to_numpy()[starts]).sum())
    position = np.arange(rows.height) - np.repeat(starts, lengths)
    yield rows.with_columns(position=pl.Series(position, dtype=pl.Int32)).select(*SCHEMA, *EXTRAS)
