"""Playlists as canonical rows: each one a session, its tracks in order and with their names.

A playlist says what goes together, and nothing of how a listening ended: everything counts as
heard. A track that is in its playlist twice stands where it stood first.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from . import mpd
from .canonical import all_heard
from .playlists import Playlists


def read_mpd(path: Path) -> pl.DataFrame:
    """Read slices of the Million Playlist Dataset: canonical rows, with `title` and `artist`.

    All of it is held in memory: for some of its thousand slices.
    """
    return rows(mpd.read(path))


def rows(playlists: Playlists) -> pl.DataFrame:
    """Give a row for each track of each playlist; names are null where nothing is known."""
    graph = playlists.graph
    order = np.arange(graph.n_edges)
    if graph.positions is not None:
        order = np.lexsort((graph.positions, graph.owners))
    tracks = graph.tracks[order]
    about = playlists.about
    empty = pl.Series([None] * len(playlists.track_ids), dtype=pl.String)
    names = {
        name: (empty if about is None else about[name])[tracks] for name in ("title", "artist")
    }
    return all_heard(
        pl.DataFrame(
            {
                "session_id": pl.Series(playlists.playlist_ids, dtype=pl.String)[graph.owners],
                "track_id": pl.Series(playlists.track_ids, dtype=pl.String)[tracks],
                **names,
            }
        )
    )
