"""Playlists named on the command line: `NAME:PATH` -> playlists, and a test set if one came along.

`gowalla:DIR` is a folder with `train.txt` and `test.txt`, `pairs:FILE` a user on each line followed
by its items, `mpd:PATH` a slice or a folder of slices. Whatever has sessions (sources.py) has
playlists too: each session is one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from models.split import Split

from . import mpd, pair_lines
from .canonical import to_sessions
from .playlists import Playlists, numbered
from .sources import open_source

Progress = Callable[[int, int], None]
"""Told of files that were read, and of how many there are."""
_Read = Callable[[Path, Progress], tuple[Playlists, Playlists | None]]
_READERS: dict[str, _Read] = {
    "pairs": lambda path, progress: (pair_lines.read(path), None),
    "mpd": lambda path, progress: (mpd.read(path, progress), None),
    "gowalla": lambda path, progress: pair_lines.read_split(path),
}


@dataclass(frozen=True)
class PlaylistSource:
    """Where playlists come from; nothing is read before `load` is called."""

    name: str
    simulated: bool
    spec: str
    read: Callable[[Progress], tuple[Playlists, Playlists | None]]

    def load(
        self, progress: Progress = lambda done, total: None
    ) -> tuple[Playlists, Playlists | None]:
        """Read everything: playlists, or training and test pairs where they are dealt out."""
        return self.read(progress)


def open_playlists(spec: str) -> PlaylistSource:
    """Find the source that `spec` names; ValueError says which names and forms there are."""
    name, _, rest = spec.partition(":")
    if name in _READERS:
        path = Path(rest).expanduser()
        if not rest or not path.exists():
            raise ValueError(f"no such path for {name}: {rest!r}; expected {name}:PATH")
        return PlaylistSource(name, False, spec, lambda progress: _READERS[name](path, progress))
    try:
        sessions = open_source(spec)
    except ValueError as err:
        raise ValueError(f"{err}; for playlists also gowalla:DIR, pairs:FILE and mpd:PATH") from err
    return PlaylistSource(
        sessions.name,
        sessions.simulated,
        spec,
        lambda progress: (of_sessions(sessions.frame()), None),
    )


def training_playlists(
    spec: str, *, seed: int = 0, in_order: bool = False, duplicates: bool = False
) -> tuple[Playlists, dict[str, Any]]:
    """Take for playlists the sessions that `segue train` learns from; also the split's record.

    Raises:
        ValueError: `spec` names no data with sessions.
    """
    source = open_source(spec)
    frame = source.frame()
    sessions = to_sessions(frame)
    if not duplicates:
        sessions = sessions.deduplicated()
    split = Split(
        data=source.name,
        simulated=source.simulated,
        sessions=len(sessions),
        seed=seed,
        in_order=in_order,
        duplicates=duplicates,
    )
    kept = split.parts(sessions).train.session_ids
    return of_sessions(frame.filter(pl.col("session_id").is_in(kept))), split.record()


def of_sessions(frame: pl.DataFrame) -> Playlists:
    """Take each session of a canonical frame for a playlist, with times where there are any."""
    runs = frame["session_id"].rle()
    lengths = runs.struct.field("len").to_numpy()
    catalog = frame["track_id"].unique(maintain_order=True)
    times = None
    if not frame["occurred_at"].null_count():
        times = frame["occurred_at"].dt.epoch("s").to_numpy().astype(np.int64)
    return numbered(
        runs.struct.field("value").to_list(),
        catalog.to_list(),
        np.repeat(np.arange(len(lengths)), lengths),
        frame["track_id"].cast(pl.Enum(catalog)).to_physical().to_numpy(),
        times=times,
    )
