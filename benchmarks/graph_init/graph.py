"""LightGCN over the training sessions as playlists, as a file of track embeddings."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from models.data.playlists import Playlists, numbered
from models.graphs.edge_split import EdgeSplit
from models.graphs.lightgcn import LightGCNConfig
from models.graphs.recipe import PreparedGraph, embed, train_graph
from models.graphs.schedule import GraphSchedule
from models.graphs.training import GraphStep
from models.items.track_embeddings import TrackEmbeddings
from models.recipe import Prepared

LAYERS = 2


def embedded(
    prepared: Prepared,
    *,
    width: int,
    epochs: int,
    seed: int,
    progress: Callable[[GraphStep], None] = lambda step: None,
) -> TrackEmbeddings:
    """Train on the sessions of the training part alone, and embed their tracks."""
    playlists = playlists_of(prepared)
    graph = playlists.graph
    none = graph.only(np.zeros(graph.n_edges, np.bool_))
    split = EdgeSplit(train=graph, valid=none, test=none, known=graph)
    schedule = GraphSchedule(epochs=epochs, learning_rate=5e-3)
    config = LightGCNConfig(
        playlists=graph.n_playlists, tracks=graph.n_tracks, width=width, layers=LAYERS
    )
    model, _ = train_graph(
        PreparedGraph(playlists, split, 0, {}), "lightgcn", config, schedule,
        lambda model, epoch: {}, seed=seed, progress=progress,
    )  # fmt: skip
    matrix = embed(model.cpu(), graph)[graph.n_playlists :].numpy()
    about = {
        "model": "lightgcn",
        "layers": LAYERS,
        "epochs": epochs,
        "seed": seed,
        "split": prepared.split.record(),
    }
    return TrackEmbeddings(playlists.track_ids, matrix, about)


def playlists_of(prepared: Prepared) -> Playlists:
    """Take each training session for a playlist."""
    sessions = prepared.train
    owners = np.repeat(np.arange(len(sessions)), sessions.lengths)
    return numbered(sessions.session_ids, sessions.track_ids, owners, sessions.items - 1)
