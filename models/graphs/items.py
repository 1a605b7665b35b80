"""Embeddings of a graph network: its tracks', for sequence models to begin with, and all nodes'."""

from __future__ import annotations

from torch import Tensor

from ..items.track_embeddings import TrackEmbeddings
from .edge_split import EdgeSplit
from .folder import TrainedGraph
from .graph import Graph, union
from .recipe import embed


def graph_items(trained: TrainedGraph) -> TrackEmbeddings:
    """Embed every track of the network's graph, (T, D), with messages along all of its edges.

    What was hidden from the network's training counts too: nothing is asked of it here. `about`
    tells the split by session, if it was trained on the training sessions of one.
    """
    embedded = embedded_nodes(trained)
    first = trained.model.config.playlists
    told = ("data", "simulated", "k_core", "seed", "split")
    about = {key: trained.training[key] for key in told if key in trained.training}
    return TrackEmbeddings(
        trained.playlists.track_ids,
        embedded[first : first + trained.model.config.tracks].numpy(),
        {"maker": "segue graph embed", "network": trained.model.architecture, **about},
    )


def embedded_nodes(trained: TrainedGraph) -> Tensor:
    """Embed every node, playlists first, (n, D), with messages along all edges of the graph."""
    return embed(trained.model, all_edges(trained.split), trained.schedule.half_life)


def all_edges(split: EdgeSplit) -> Graph:
    """Give the graph with what was hidden from training too."""
    return union(split.known, split.test) if split.test.n_edges else split.known
