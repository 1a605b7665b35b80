"""The canonical data set: one Parquet file of occurrences and one JSON file that says what it is.

Every loader ends here and everything that learns or replays starts here. A directory holds
`sessions.parquet` (schema below, sorted by session and position; sessions in the source's order)
and `dataset.json`. It is written under a temporary name and renamed: one that exists is whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from models.sessions import Sessions
from models.whole import refuse_other, whole_folder

SESSIONS_FILE, INFO_FILE = "sessions.parquet", "dataset.json"

SCHEMA: dict[str, pl.DataType] = {
    "session_id": pl.String(),
    "position": pl.Int32(),  # from 0, without gaps
    "track_id": pl.String(),
    "outcome": pl.Int8(),  # 0 unknown, 1 heard, 2 skipped late, 3 skipped early, 4 skipped at once
    "occurred_at": pl.Datetime("ms", "UTC"),  # null where the source has no clock
    "context_type": pl.String(),  # null where the source does not say
}


class DatasetInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What `dataset.json` says; `notes` holds what only one kind of source has to tell."""

    name: str
    simulated: bool
    source: str
    rows: int
    sessions: int
    tracks: int
    created_by: str
    notes: dict[str, object] = {}


def all_heard(rows: pl.DataFrame) -> pl.DataFrame:
    """Make canonical rows of `session_id` and `track_id` in order; further columns come last.

    For data that has neither times nor skips: everything in it counts as heard.
    """
    return rows.select(
        "session_id",
        pl.int_range(pl.len(), dtype=pl.Int32).over("session_id").alias("position"),
        "track_id",
        pl.lit(1, pl.Int8).alias("outcome"),
        pl.lit(None, SCHEMA["occurred_at"]).alias("occurred_at"),
        pl.lit(None, pl.String).alias("context_type"),
        pl.exclude("session_id", "track_id"),
    )


def to_sessions(frame: pl.DataFrame) -> Sessions:
    """Pack a canonical frame; the catalog is what occurs, most frequent first, ties by track_id."""
    counted = frame.group_by("track_id").len().sort(["len", "track_id"], descending=[True, False])
    track_ids = counted["track_id"]
    items = frame["track_id"].cast(pl.Enum(track_ids)).to_physical().to_numpy().astype(np.int32)
    runs = frame["session_id"].rle()  # sessions are contiguous: one run each
    lengths = runs.struct.field("len").to_numpy().astype(np.int64)
    return Sessions(
        track_ids=tuple(track_ids.to_list()),
        session_ids=tuple(runs.struct.field("value").to_list()),
        offsets=np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)]),
        items=items + np.int32(1),
        outcomes=frame["outcome"].to_numpy().astype(np.int8),
    )


def without_repeats(frame: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Drop sessions that repeat an earlier one's sequence of tracks; also how many those were."""
    sessions = to_sessions(frame)
    kept = sessions.deduplicated().session_ids
    return frame.filter(pl.col("session_id").is_in(kept)), len(sessions) - len(kept)


def to_frame(sessions: Sessions) -> pl.DataFrame:
    """The canonical frame of packed sessions; times and contexts are null, item 0 is left out."""
    track_ids = pl.Series(["", *sessions.track_ids])
    owners = np.repeat(np.arange(len(sessions)), sessions.lengths)
    frame = pl.DataFrame(
        {
            "session_id": pl.Series(sessions.session_ids, dtype=pl.String)[owners],
            "track_id": track_ids[sessions.items],
            "outcome": sessions.outcomes,
        }
    ).filter(pl.Series(sessions.items > 0, dtype=pl.Boolean))
    return frame.select(
        "session_id",
        pl.int_range(pl.len(), dtype=pl.Int32).over("session_id").alias("position"),
        "track_id",
        pl.col("outcome").cast(pl.Int8),
        pl.lit(None, SCHEMA["occurred_at"]).alias("occurred_at"),
        pl.lit(None, pl.String).alias("context_type"),
    )


def read_info(directory: Path) -> DatasetInfo:
    """Read `dataset.json`; ValueError where the directory is not a canonical data set."""
    path = directory / INFO_FILE
    if not path.is_file() or not (directory / SESSIONS_FILE).is_file():
        raise ValueError(
            f"{directory} is not a data set: expected {SESSIONS_FILE} and {INFO_FILE} in it "
            "(make one with `segue data import` or `segue data simulate`)"
        )
    try:
        return msgspec.json.decode(path.read_bytes(), type=DatasetInfo)
    except msgspec.MsgspecError as err:
        raise ValueError(f"{path} cannot be read: {err}; import the data again") from err


def scan(directory: Path) -> pl.LazyFrame:
    """The occurrences of a data set, unread."""
    return pl.scan_parquet(directory / SESSIONS_FILE)


@contextmanager
def replacing(out: Path) -> Iterator[Path]:
    """Give a fresh directory beside `out`, renamed to `out` when the block ends without an error.

    An older data set at `out` is replaced; anything else there is refused with ValueError.
    """
    refuse_other(out, INFO_FILE, "is not a data set")
    with whole_folder(out) as fresh:
        yield fresh


def write_info(directory: Path, info: DatasetInfo) -> None:
    """Write `dataset.json`, last of all."""
    text = msgspec.json.format(msgspec.json.encode(info), indent=2)
    (directory / INFO_FILE).write_bytes(text + b"\n")


def write_frame(
    frame: pl.DataFrame,
    out: Path,
    *,
    name: str,
    simulated: bool,
    source: str,
    created_by: str,
    notes: dict[str, object] | None = None,
) -> DatasetInfo:
    """Write a frame that fits in memory as the data set at `out`."""
    info = DatasetInfo(
        name=name,
        simulated=simulated,
        source=source,
        rows=frame.height,
        sessions=frame["session_id"].n_unique(),
        tracks=frame["track_id"].n_unique(),
        created_by=created_by,
        notes=notes or {},
    )
    with replacing(out) as fresh:
        frame.write_parquet(fresh / SESSIONS_FILE, compression="zstd")
        write_info(fresh, info)
    return info
