"""A dense subset of MSSD's session logs: long sessions of tracks that many other sessions have.

Ibero, Pérez & Martínez (UPC, 2021, section 6) could not train on all of MSSD, found its mini set
too sparse (most tracks are in one session), and built another; how, they show in a picture alone.
Here a session's density is the mean, over its plays, of log(sessions that have the track); of the
sessions that are long enough, the densest are kept, in the order of the logs.

Two passes over the logs, in bounded memory: one counts, in how many sessions each track is, and one
chooses. Tracks are known by a 64-bit hash meanwhile: 3.7 million take about 60 MB.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl

from . import canonical
from .canonical import DatasetInfo
from .csv_blocks import BLOCK_BYTES, Faults
from .mssd import Tally, batches

_PENDING = 4_000_000  # rows of counts that wait to be added up
_AHEAD = 4  # times the wanted sessions are held before the sparse ones go

Batches = Callable[[], Iterator[pl.DataFrame]]


def densest(read: Batches, sessions: int, shortest: int) -> pl.DataFrame:
    """Choose `sessions` of those with `shortest` plays or more; `read` is called twice.

    Of equally dense ones the earlier stay, and one that repeats another's sequence of tracks goes.

    Raises:
        ValueError: no session is long enough.
    """
    counts = _sessions_of_tracks(read())
    held: list[pl.DataFrame] = []
    waiting = 0
    for number, frame in enumerate(read()):
        scored = _scored(frame, counts, shortest).with_columns(batch=pl.lit(number))
        held.append(scored)
        waiting += scored["session_id"].n_unique()
        if waiting > _AHEAD * sessions:
            held = [_best(pl.concat(held), sessions)]
            waiting = sessions
    chosen = _best(pl.concat(held), sessions) if held else pl.DataFrame()
    if not chosen.height:
        raise ValueError(f"no session has {shortest} plays or more; ask for shorter ones")
    return chosen.drop("density", "digest", "batch")


def write_subset(
    path: Path,
    out: Path,
    *,
    sessions: int,
    shortest: int,
    created_by: str,
    skip_malformed: bool = False,
    block_bytes: int = BLOCK_BYTES,
    progress: Callable[[int], None] = lambda n: None,
) -> DatasetInfo:
    """Write the subset of the logs at `path` as the data set at `out`.

    `progress` is told the bytes read, in both passes. Raises ValueError as `mssd.batches` does.
    """
    if sessions < 1 or shortest < 1:
        raise ValueError(f"sessions and shortest must be 1 or more, got {sessions} and {shortest}")
    tallies: list[Tally] = []

    def read() -> Iterator[pl.DataFrame]:
        tallies.append(Tally())
        faults = Faults(skip=skip_malformed)
        return batches(path, faults, tallies[-1], block_bytes=block_bytes, progress=progress)

    frame = densest(read, sessions, shortest)
    in_sessions = frame.unique(["session_id", "track_id"]).group_by("track_id").len()
    return canonical.write_frame(
        frame,
        out,
        name="mssd-subset",
        simulated=False,
        source=str(path),
        created_by=created_by,
        notes={
            "sessions_read": tallies[-1].sessions,
            "rows_read": tallies[-1].rows,
            "shortest": shortest,
            "plays_of_a_track": round(frame.height / in_sessions.height, 2),
            "tracks_in_several_sessions": in_sessions.filter(pl.col("len") > 1).height,
        },
    )


def _sessions_of_tracks(read: Iterator[pl.DataFrame]) -> pl.DataFrame:
    """Count, for the hash of each track, the sessions that have it."""
    parts: list[pl.DataFrame] = []
    for frame in read:
        once = frame.select("session_id", track=pl.col("track_id").hash()).unique()
        parts.append(once.group_by("track").agg(sessions=pl.len()))
        if sum(part.height for part in parts[1:]) > _PENDING:
            parts = [_added(parts)]
    return _added(parts)


def _added(parts: list[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(parts).group_by("track").agg(pl.col("sessions").sum())


def _scored(frame: pl.DataFrame, counts: pl.DataFrame, shortest: int) -> pl.DataFrame:
    """The sessions that are long enough, with their density and a digest of their tracks."""
    long = frame.filter(pl.len().over("session_id") >= shortest).with_columns(
        track=pl.col("track_id").hash()
    )
    known = long.join(counts, on="track", how="left", maintain_order="left")
    place = pl.col("position").cast(pl.UInt64)
    return known.with_columns(
        density=pl.col("sessions").cast(pl.Float64).log().mean().over("session_id"),
        # Wrapping sums of 64 bits: two sequences that differ get one digest once in 1e19 pairs.
        digest=pl.struct("track", place).hash(seed=1).sum().over("session_id"),
    ).drop("track", "sessions")


def _best(frame: pl.DataFrame, count: int) -> pl.DataFrame:
    """The densest sessions, whole, in their old order."""
    each = frame.unique("session_id", keep="first", maintain_order=True).with_row_index("order")
    best = (
        each.unique("digest", keep="first", maintain_order=True)
        .sort("density", "order", descending=[True, False])
        .head(count)
    )
    return frame.join(best.select("session_id"), on="session_id", how="semi", maintain_order="left")
