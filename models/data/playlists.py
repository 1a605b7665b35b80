"""Playlists as they are read: whose, of which tracks, and what is known of the tracks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.graphs.graph import Graph, Ints, gathered
from models.graphs.k_core import k_core

ABOUT = ("title", "artist", "album")


@dataclass(frozen=True, eq=False)
class Playlists:
    """Playlist p of the graph is `playlist_ids[p]`, its track t is `track_ids[t]`."""

    playlist_ids: tuple[str, ...]
    track_ids: tuple[str, ...]
    graph: Graph
    duplicates: int = 0  # tracks that were in their playlist already, dropped
    about: pl.DataFrame | None = None  # title, artist and album of each track, in order

    def core(self, k: int) -> Playlists:
        """Keep the K-core (models/graphs/k_core.py); ValueError where it is empty."""
        kept = k_core(self.graph, k)
        return Playlists(
            _where(self.playlist_ids, kept.playlists),
            _where(self.track_ids, kept.tracks),
            self.graph.induced(*kept),
            self.duplicates,
            None if self.about is None else self.about.filter(pl.Series(kept.tracks)),
        )


def numbered(
    playlist_ids: Iterable[str],
    track_ids: Iterable[str],
    owners: Ints,
    tracks: NDArray[Any],
    *,
    times: Ints | None = None,
    about: pl.DataFrame | None = None,
    ordered: bool = True,
) -> Playlists:
    """Build playlists from pairs of numbers, in the playlists' order if `ordered`."""
    names, catalog = tuple(playlist_ids), tuple(track_ids)
    graph, duplicates = gathered(
        owners, tracks, len(names), len(catalog), ordered=ordered, times=times
    )
    return Playlists(names, catalog, graph, duplicates, about)


def _where(names: tuple[str, ...], kept: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(names[i] for i in np.flatnonzero(kept).tolist())
