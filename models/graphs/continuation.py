"""Continues a playlist that the graph has not seen, from the tracks it already has.

It joins the graph as one more playlist, whose own embedding is the mean of all playlists'; messages
then tell what it is like. No weight is learned anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from .adjacency import Adjacency
from .encoder import GraphEncoder
from .folder import TrainedGraph
from .graph import Graph


@dataclass(frozen=True)
class Continued:
    """A track that would follow."""

    track_id: str
    score: float
    rank: int  # from 1
    title: str | None = None
    artist: str | None = None


@dataclass(frozen=True)
class Continuation:
    """What would follow, and which of the playlist's tracks are not known."""

    tracks: tuple[Continued, ...]
    unknown: tuple[str, ...]


def continue_playlist(trained: TrainedGraph, track_ids: Sequence[str], k: int) -> Continuation:
    """Rank the k tracks that would follow best; those the playlist has are none of them.

    Raises:
        ValueError: no track is known, or k is below 1.
    """
    if k < 1:
        raise ValueError(f"{k} tracks are asked for, expected 1 or more")
    index = {track_id: track for track, track_id in enumerate(trained.playlists.track_ids)}
    given = list(dict.fromkeys(track_ids))
    unknown = tuple(track_id for track_id in given if track_id not in index)
    if len(unknown) == len(given):
        raise ValueError(
            f"none of the playlist's {len(given)} tracks is among the {len(index)} that the "
            f"network knows: name some of those, such as {trained.playlists.track_ids[0]}"
        )
    tracks = np.array(sorted(index[track_id] for track_id in given if track_id in index))
    known = trained.split.known
    scores = scores_of(trained.model, known, tracks, trained.schedule.half_life)
    scores[torch.from_numpy(tracks)] = -torch.inf
    found = scores.topk(min(k, len(scores) - len(tracks)))
    about = trained.playlists.about
    listed = []
    pairs = zip(found.indices.tolist(), found.values.tolist(), strict=True)
    for rank, (track, score) in enumerate(pairs, 1):
        named = {} if about is None else about.row(track, named=True)
        listed.append(
            Continued(
                trained.playlists.track_ids[track],
                score,
                rank,
                named.get("title"),
                named.get("artist"),
            )
        )
    return Continuation(tuple(listed), unknown)


@torch.no_grad()
def scores_of(
    model: GraphEncoder, known: Graph, tracks: np.ndarray, half_life: float | None = None
) -> torch.Tensor:
    """Score every track for one more playlist with these tracks, rising, (m,) -> (T,)."""
    graph = Graph(
        np.append(known.starts, known.n_edges + len(tracks)),
        np.append(known.tracks, tracks.astype(np.int32)),
        known.n_tracks,
        kin=known.kin,
    )
    weights = None
    if half_life is not None:  # the new playlist is of now
        weights = np.append(known.recency(half_life), np.ones(len(tracks), np.float32))
    own, last = model.initial(), known.n_playlists
    mean = own[:last].mean(dim=0, keepdim=True)
    x = torch.cat([own[:last], mean, own[last:]])  # (n + 1, D)
    embedded = model.eval().scaled(model.propagate(x, Adjacency.of(graph, weights)))
    return embedded[last + 1 : last + 1 + known.n_tracks] @ embedded[last]
