"""Divides a data set for the demo: its distinct sessions, and those a bundle never learned from.

Run as `python -m benchmarks.demo.divide sessions SPEC OUT` and `... unseen DATA BUNDLE OUT SEED`,
in processes of their own. Which sessions were learned from is asked of the bundle's manifest.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import polars as pl

from models.data import canonical
from models.data.sources import open_source
from models.split import Split
from streams.manifest import decode_manifest

_MADE_BY = "segue demo"


def sessions(spec: str, out: Path) -> None:
    """Write the distinct sessions of a data set, so that it is read or simulated once."""
    source = open_source(spec)
    frame, duplicates = canonical.without_repeats(source.frame())
    info = canonical.write_frame(
        frame,
        out,
        name=source.name,
        simulated=source.simulated,
        source=spec,
        created_by=_MADE_BY,
        notes={"duplicates": duplicates},
    )
    kind = "simulated sessions" if info.simulated else "sessions"
    print(f"{info.sessions:,} distinct {kind}, {info.tracks:,} tracks, {info.rows:,} occurrences")


def unseen(data: Path, bundle: Path, out: Path, seed: int) -> None:
    """Write what neither trained nor validated a bundle: the stream.

    In random order, or in the data set's where the bundle's split kept to it.
    """
    manifest = decode_manifest((bundle / "manifest.json").read_bytes())
    source = open_source(f"parquet:{data}")
    frame = source.frame()
    split = Split.of(manifest.training)
    parts = split.parts(canonical.to_sessions(frame))
    names = np.array([*parts.test.session_ids, *parts.unused.session_ids])
    if not split.in_order:
        names = names[np.random.default_rng(seed).permutation(len(names))]
    order = pl.DataFrame({"session_id": names, "order": np.arange(len(names))})
    streamed = (
        frame.join(order, on="session_id", how="inner").sort("order", "position").drop("order")
    )
    info = canonical.write_frame(
        streamed,
        out,
        name=source.name,
        simulated=source.simulated,
        source=str(data),
        created_by=_MADE_BY,
        notes={"unseen_by": manifest.version},
    )
    print(f"{info.sessions:,} sessions that training never saw, {info.rows:,} occurrences")


if __name__ == "__main__":
    if sys.argv[1] == "sessions":
        sessions(sys.argv[2], Path(sys.argv[3]))
    else:
        unseen(Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]), int(sys.argv[5]))
