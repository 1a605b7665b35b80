"""The K-core of a graph: its largest part in which every node has K neighbours or more.

Papers 1 and 2 train on the 30-core of playlists and tracks: Huang & Singh, "GNN-based Spotify
Playlist Recommendation", section 4; Batelaan, Brink & Wittenbrink, "Spotify Track Neural
Recommender System", section Data.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .graph import Bools, Graph


class KCore(NamedTuple):
    """Which nodes are in it."""

    playlists: Bools  # (P,)
    tracks: Bools  # (T,)


def k_core(graph: Graph, k: int) -> KCore:
    """Find the K-core by peeling: nodes of fewer than K edges go, until none is left of them.

    K = 0 keeps everything.

    Raises:
        ValueError: k is negative, or nothing is left: the message says which K leaves something.
    """
    if k < 0:
        raise ValueError(f"K is {k}, expected 0 or more")
    found = _peeled(graph, k)
    if k and not found.playlists.any():
        raise ValueError(
            f"nothing is left of {graph.n_playlists} playlists and {graph.n_tracks} tracks in the "
            f"{k}-core: give more data, or a K of at most {_degeneracy(graph, k)}, the largest "
            "that leaves something"
        )
    return found


def _peeled(graph: Graph, k: int) -> KCore:
    playlists, tracks = np.ones(graph.n_playlists, np.bool_), np.ones(graph.n_tracks, np.bool_)
    owners, ends = graph.owners, graph.tracks
    while k:
        playlists = np.bincount(owners, minlength=len(playlists)) >= k
        tracks = np.bincount(ends, minlength=len(tracks)) >= k
        kept = playlists[owners] & tracks[ends]
        if kept.all():
            break
        owners, ends = owners[kept], ends[kept]
    return KCore(playlists, tracks)


def _degeneracy(graph: Graph, empty: int) -> int:
    """Give the largest K whose core is not empty, where that of `empty` is."""
    least = 0
    while empty - least > 1:
        middle = (least + empty) // 2
        if _peeled(graph, middle).playlists.any():
            least = middle
        else:
            empty = middle
    return least
