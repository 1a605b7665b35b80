"""Draws pairs that are no edges: a track that each playlist does not have.

Uniform negatives are any track; hard ones are among the best scored, a share of all tracks that
shrinks as training goes on (Batelaan et al., "Spotify Track Neural Recommender System", hard
negative sampling); adaptive ones are a mixture of the two, harder as the model tells uniform ones
apart better, which Huang & Singh leave as future work ("GNN-based Spotify Playlist Recommendation",
section 12). Pairs are checked against the known edges or, as the first of these papers prefers,
not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .graph import Graph, Ints

Negatives = Literal["uniform", "hard", "adaptive"]
SCORES = 1 << 24  # that are held at once


def uniform(
    graph: Graph, playlists: Ints, rng: np.random.Generator, *, checked: bool = True
) -> Ints:
    """Draw a track for each playlist, (n,) -> (n,); if `checked`, one that it does not have.

    Raises:
        ValueError: a playlist has every track there is.
    """
    drawn = rng.integers(0, graph.n_tracks, len(playlists))
    if not checked:
        return drawn
    full = graph.lengths[playlists] >= graph.n_tracks
    if full.any():
        raise ValueError(
            f"playlist {playlists[full][0]} has all {graph.n_tracks} tracks, so that none is a "
            "negative of it: lower K, or draw unchecked"
        )
    wrong = np.flatnonzero(graph.contains(playlists, drawn))
    while len(wrong):
        drawn[wrong] = rng.integers(0, graph.n_tracks, len(wrong))
        wrong = wrong[graph.contains(playlists[wrong], drawn[wrong])]
    return drawn


def hard(
    graph: Graph,
    playlists: Ints,
    score: Callable[[Ints], Tensor],
    share: float,
    rng: np.random.Generator,
    *,
    checked: bool = True,
) -> Ints:
    """Draw for each playlist one of the best scored `share` of all tracks, (n,) -> (n,).

    `score` gives the scores of some playlists, (m,) -> (m, T), which are ours to change. Checked,
    the playlist's own tracks are none of the best; where the others are fewer than that share, each
    of them is.

    Raises:
        ValueError: `checked`, and a playlist has every track there is.
    """
    asked, which = np.unique(playlists, return_inverse=True)
    best = max(1, min(graph.n_tracks, int(share * graph.n_tracks)))
    drawn = np.empty(len(playlists), np.int64)
    order = np.argsort(which, kind="stable")
    size = max(1, SCORES // graph.n_tracks)
    for first in range(0, len(asked), size):
        some = asked[first : first + size]
        begin, end = np.searchsorted(which[order], [first, first + len(some)])
        places = order[begin:end]
        rows = which[places] - first
        scores = score(some)  # (m, T)
        if checked:
            owners, tracks = entries(graph, some)
            scores[torch.from_numpy(owners), torch.from_numpy(tracks)] = -torch.inf
        # One of them is drawn, so their order does not matter: sorting would take most of the time.
        found = scores.topk(best, dim=1, sorted=False).indices.cpu().numpy()
        drawn[places] = found[rows, rng.integers(0, best, len(rows))]
    if checked:
        few = graph.n_tracks - graph.lengths[playlists] < best
        drawn[few] = uniform(graph, playlists[few], rng)
    return drawn


def entries(graph: Graph, playlists: Ints) -> tuple[Ints, NDArray[np.int64]]:
    """Look playlists up, (m,): for each of their edges, which of the m it is of, and its track."""
    lengths = graph.lengths[playlists]
    which = np.repeat(np.arange(len(playlists)), lengths)
    before = np.cumsum(lengths) - lengths
    places = np.repeat(graph.starts[playlists] - before, lengths) + np.arange(len(which))
    return which, graph.tracks[places].astype(np.int64)


def shrinking(first: float, last: float, position: float) -> float:
    """Give the share of tracks that count as hard, at a position in [0, 1] of training."""
    return float(first + (last - first) * position)
