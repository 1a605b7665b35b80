"""Track embeddings of a graph network, for sequence models to begin with or to place tracks by."""

from __future__ import annotations

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
    embedded = embed(trained.model, _all(trained.split), trained.schedule.half_life)
    first = trained.model.config.playlists
    told = ("data", "simulated", "k_core", "seed", "split")
    about = {key: trained.training[key] for key in told if key in trained.training}
    return TrackEmbeddings(
        trained.playlists.track_ids,
        embedded[first : first + trained.model.config.tracks].numpy(),
        {"maker": "segue graph embed", "network": trained.model.architecture, **about},
    )


def _all(split: EdgeSplit) -> Graph:
    return union(split.known, split.test) if split.test.n_edges else split.known
