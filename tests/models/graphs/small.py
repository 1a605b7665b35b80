"""Small graphs for tests."""

import numpy as np

from models.graphs.graph import Graph, gathered


def graph_of(rows: list[list[int]], n_tracks: int) -> Graph:
    """Build a graph from each playlist's tracks."""
    owners = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    tracks = np.array([track for row in rows for track in row], np.int64)
    return gathered(owners, tracks, len(rows), n_tracks)[0]


def random_graph(seed: int, n_playlists: int = 30, n_tracks: int = 20, share: float = 0.3) -> Graph:
    """Draw a graph in which every pair is an edge with the same chance."""
    drawn = np.random.default_rng(seed).random((n_playlists, n_tracks)) < share
    owners, tracks = np.nonzero(drawn)
    return gathered(owners, tracks, n_playlists, n_tracks)[0]


def blocks(seed: int, each: int = 20, n_tracks: int = 24, blocks: int = 3) -> Graph:
    """Draw playlists that take half of the tracks of one block and hardly any of another's."""
    rng = np.random.default_rng(seed)
    own = np.arange(n_tracks) % blocks == (np.arange(each * blocks) % blocks)[:, None]
    drawn = rng.random(own.shape) < np.where(own, 0.5, 0.02)
    owners, tracks = np.nonzero(drawn)
    return gathered(owners, tracks, each * blocks, n_tracks)[0]


def matrix(graph: Graph) -> np.ndarray:
    """Give the graph as zeros and ones, (P, T)."""
    found = np.zeros((graph.n_playlists, graph.n_tracks))
    found[graph.owners, graph.tracks] = 1
    return found
