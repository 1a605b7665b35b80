"""Playlists and their tracks as a bipartite graph in compressed sparse rows (CSR).

A playlist may be a listener's or a session's tracks: whatever holds tracks. Nodes are numbered from
0 on each side; where both sides stand in one row of numbers, tracks follow the playlists.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .kin import Kin

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
DAY = 86_400  # seconds


@dataclass(frozen=True, eq=False)
class Graph:
    """P playlists, T tracks, E edges: playlist p has `tracks[starts[p]:starts[p + 1]]`, rising."""

    starts: Ints  # (P + 1,)
    tracks: NDArray[np.int32]  # (E,), from 0
    n_tracks: int
    positions: NDArray[np.int32] | None = None  # (E,), place in its playlist, from 0
    times: Ints | None = None  # (E,), Unix seconds
    kin: Kin | None = None  # what the tracks share besides: further nodes, behind the tracks

    def __post_init__(self) -> None:
        if self.starts[0] != 0 or np.any(np.diff(self.starts) < 0):
            raise ValueError("starts must begin at 0 and never fall")
        if len(self.tracks) != self.starts[-1]:
            raise ValueError(f"starts end at {self.starts[-1]}, there are {len(self.tracks)} edges")
        if len(self.tracks) and not 0 <= self.tracks.min() <= self.tracks.max() < self.n_tracks:
            raise ValueError(f"tracks must lie in 0..{self.n_tracks - 1}, got {self.tracks.max()}")

    @property
    def n_playlists(self) -> int:
        """P."""
        return len(self.starts) - 1

    @property
    def n_nodes(self) -> int:
        """P + T, and G groups of kin."""
        return self.n_playlists + self.n_tracks + (0 if self.kin is None else self.kin.count)

    @property
    def n_edges(self) -> int:
        """E."""
        return len(self.tracks)

    @property
    def owners(self) -> Ints:
        """Playlist of each edge, (E,)."""
        return np.repeat(np.arange(self.n_playlists), self.lengths)

    @property
    def lengths(self) -> Ints:
        """Tracks of each playlist, (P,)."""
        return np.diff(self.starts)

    @property
    def popularity(self) -> Ints:
        """Playlists of each track, (T,)."""
        return np.bincount(self.tracks, minlength=self.n_tracks).astype(np.int64)

    def row(self, playlist: int) -> NDArray[np.int32]:
        """Tracks of one playlist, as a view."""
        return self.tracks[self.starts[playlist] : self.starts[playlist + 1]]

    def contains(self, playlists: Ints, tracks: NDArray[Any]) -> Bools:
        """Whether each pair is an edge, (n,) and (n,) -> (n,).

        All pairs are looked up at once, by bisection inside their rows.
        """
        low, high = self.starts[playlists], self.starts[playlists + 1]
        ends = high.copy()
        for _ in range(int(self.lengths.max(initial=0)).bit_length()):
            middle = (low + high) >> 1
            # Where low has met high the entry that is read says nothing, and nothing changes.
            open_ = low < high
            below = self.tracks[np.minimum(middle, self.n_edges - 1)] < tracks
            low = np.where(open_ & below, middle + 1, low)
            high = np.where(open_ & ~below, middle, high)
        found = low < ends
        found[found] = self.tracks[low[found]] == tracks[found]
        return found

    def only(self, edges: Bools) -> Graph:
        """The same nodes with the edges where the mask (E,) is true."""
        kept = np.concatenate([[0], np.cumsum(edges)])
        return replace(
            self,
            starts=kept[self.starts],
            tracks=self.tracks[edges],
            positions=None if self.positions is None else self.positions[edges],
            times=None if self.times is None else self.times[edges],
        )

    def induced(self, playlists: Bools, tracks: Bools) -> Graph:
        """The nodes where the masks (P,) and (T,) are true, numbered anew, and what joins them."""
        edges = np.repeat(playlists, self.lengths) & tracks[self.tracks]
        kept = self.only(edges)
        number = np.cumsum(tracks, dtype=np.int32) - np.int32(1)
        return replace(
            kept,
            starts=np.concatenate([[0], np.cumsum(kept.lengths[playlists])]),
            tracks=number[kept.tracks],
            n_tracks=int(tracks.sum()),
            kin=None,  # a group may be gone: it is made of the tracks that are left
        )

    def recency(self, half_life: float) -> NDArray[np.float32]:
        """Weight of each edge, (E,): 1 for the newest, half as much each `half_life` days before.

        Raises:
            ValueError: the data has no times, or half_life is not above 0.
        """
        if half_life <= 0:
            raise ValueError(f"a half-life is {half_life} days, expected more than 0")
        if self.times is None:
            raise ValueError("the edges have no times, so none is recent: leave the half-life out")
        ages = (self.times.max(initial=0) - self.times) / DAY
        # A weight of 0 would make a node without neighbours of one that has some.
        weights: NDArray[np.float32] = np.maximum(0.5 ** (ages / half_life), 1e-6).astype(
            np.float32
        )
        return weights


def gathered(
    owners: Ints,
    tracks: NDArray[Any],
    n_playlists: int,
    n_tracks: int,
    *,
    ordered: bool = False,
    times: Ints | None = None,
) -> tuple[Graph, int]:
    """Build a graph from pairs, (n,) and (n,); also how many repeated another, which are dropped.

    `ordered` says that the pairs of a playlist come in its order: a track is then placed where it
    came first. Of several times of a pair the newest is kept.
    """
    keys, first = np.unique(
        np.asarray(owners, np.int64) * n_tracks + np.asarray(tracks, np.int64), return_index=True
    )
    found = keys // max(1, n_tracks)
    newest, positions = None, None
    if times is not None:
        order = np.argsort(owners * n_tracks + tracks, kind="stable")
        begins = np.searchsorted((owners * n_tracks + tracks)[order], keys)
        newest = np.maximum.reduceat(times[order], begins) if len(keys) else times
    if ordered:
        begin = np.full(n_playlists, len(owners), np.int64)
        np.minimum.at(begin, owners, np.arange(len(owners)))
        positions = (first - begin[found]).astype(np.int32)
    graph = Graph(
        starts=np.searchsorted(found, np.arange(n_playlists + 1)).astype(np.int64),
        tracks=(keys - found * n_tracks).astype(np.int32),
        n_tracks=n_tracks,
        positions=positions,
        times=newest,
    )
    return graph, len(owners) - graph.n_edges


def union(one: Graph, other: Graph) -> Graph:
    """All edges of two graphs over the same nodes; positions are not kept."""
    times = None
    if one.times is not None and other.times is not None:
        times = np.concatenate([one.times, other.times])
    owners = np.concatenate([one.owners, other.owners])
    tracks = np.concatenate([one.tracks, other.tracks])
    found, _ = gathered(owners, tracks, one.n_playlists, one.n_tracks, times=times)
    return replace(found, kin=one.kin)
