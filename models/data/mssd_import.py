"""Turn MSSD's session logs, of any size, into a canonical data set, in bounded memory.

Three passes: logs to part files by the block; digests to duplicates; parts, duplicates left out, to
one Parquet file. Scratch files lie beside the result and need about as much disk as it does.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from . import canonical
from .canonical import SESSIONS_FILE, DatasetInfo
from .csv_blocks import BLOCK_BYTES, Faults
from .duplicates import Sequences
from .mssd import Tally, batches
from .track_features import FEATURES_FILE, feature_files, write_features


def import_mssd(
    path: Path,
    out: Path,
    *,
    created_by: str,
    keep_duplicates: bool = False,
    skip_malformed: bool = False,
    block_bytes: int = BLOCK_BYTES,
    progress: Callable[[int], None] = lambda n: None,
) -> DatasetInfo:
    """Write the data set at `out` from the logs (and `tf_*` track features) at `path`.

    `progress` is told the bytes read from the logs. Raises ValueError as `mssd.batches` does; `out`
    then stays as it was.
    """
    faults, tally = Faults(skip=skip_malformed), Tally()
    with canonical.replacing(out) as fresh:
        scratch = fresh / "scratch"
        sequences = Sequences(scratch)
        parts: list[Path] = []
        for frame in batches(path, faults, tally, block_bytes=block_bytes, progress=progress):
            parts.append(scratch / f"part-{len(parts):06d}.parquet")
            frame.write_parquet(parts[-1], compression="lz4")
            sequences.add(frame)
        if not tally.sessions:
            raise ValueError(f"no session in the logs at {path}")
        repeated = sequences.repeated()
        if not keep_duplicates:
            _without(parts, repeated)
        rows = pl.scan_parquet(parts)
        rows.sink_parquet(fresh / SESSIONS_FILE, compression="zstd", row_group_size=1 << 17)
        written = canonical.scan(fresh)
        n_rows = written.select(pl.len()).collect().item()
        # Distinct 64-bit hashes: counting distinct strings would hold every row of the column.
        tracks = written.select(pl.col("track_id").hash()).unique().select(pl.len())
        n_tracks = tracks.collect(engine="streaming").item()
        if features := feature_files(path):
            write_features(features, fresh / FEATURES_FILE, Faults(skip=skip_malformed))
        shutil.rmtree(scratch)
        info = DatasetInfo(
            name="mssd",
            simulated=False,
            source=str(path),
            rows=n_rows,
            sessions=tally.sessions - (0 if keep_duplicates else int(repeated.sum())),
            tracks=n_tracks,
            created_by=created_by,
            notes={
                "rows_read": tally.rows,
                "sessions_read": tally.sessions,
                "session_pieces": tally.pieces,
                "duplicates": int(repeated.sum()),
                "duplicates_kept": keep_duplicates,
                "malformed_rows": faults.count,
                "malformed_examples": faults.examples,
            },
        )
        canonical.write_info(fresh, info)
    return info


def _without(parts: list[Path], repeated: NDArray[np.bool_]) -> None:
    """Rewrite the parts that hold repeated sessions, without them."""
    done = 0
    for part in parts:
        frame = pl.read_parquet(part)
        lengths = frame["session_id"].rle().struct.field("len").to_numpy()
        drop = repeated[done : done + len(lengths)]
        done += len(lengths)
        if drop.any():
            frame.filter(pl.Series(~np.repeat(drop, lengths))).write_parquet(
                part, compression="lz4"
            )
