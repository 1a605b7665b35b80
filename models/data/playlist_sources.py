"""Playlists named on the command line: `NAME:PATH` -> playlists, and a test set if one came along.

`gowalla:DIR` is a folder with `train.txt` and `test.txt`, `pairs:FILE` a user on each line followed
by its items, `mpd:PATH` a slice or a folder of slices. Whatever has sessions (sources.py) has
playlists too: each session is one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from . import mpd, pair_lines
from .playlists import Playlists, numbered
from .sources import Source, open_source

_READERS = {"pairs": pair_lines.read, "mpd": mpd.read}
_SPLIT = {"gowalla": pair_lines.read_split}


@dataclass(frozen=True)
class PlaylistSource:
    """Where playlists come from; nothing is read before `load` is called."""

    name: str
    simulated: bool
    spec: str
    load: Callable[[], tuple[Playlists, Playlists | None]]  # training and test pairs, if dealt out


def open_playlists(spec: str) -> PlaylistSource:
    """Find the source that `spec` names; ValueError says which names and forms there are."""
    name, _, rest = spec.partition(":")
    if name not in {*_READERS, *_SPLIT}:
        try:
            sessions = open_source(spec)
        except ValueError as err:
            raise ValueError(
                f"{err}; for playlists also gowalla:DIR, pairs:FILE and mpd:PATH"
            ) from err
        return PlaylistSource(
            sessions.name, sessions.simulated, spec, lambda: (of_sessions(sessions), None)
        )
    path = Path(rest).expanduser()
    if not rest or not path.exists():
        raise ValueError(f"no such path for {name}: {rest!r}; expected {name}:PATH")
    if name in _SPLIT:
        return PlaylistSource(name, False, spec, lambda: _SPLIT[name](path))
    return PlaylistSource(name, False, spec, lambda: (_READERS[name](path), None))


def of_sessions(source: Source) -> Playlists:
    """Take each session for a playlist, in the order of play, with times where there are any."""
    frame = source.frame()
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
