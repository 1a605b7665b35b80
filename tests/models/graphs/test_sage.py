"""GraphSAGE against its formula, and training on small graphs."""

from typing import Any

import numpy as np
import torch

from models.graphs.adjacency import Adjacency
from models.graphs.recipe import train_graph
from models.graphs.sage import SAGE, SAGEConfig

from .small import matrix, random_graph
from .test_training import SCHEDULE, config, prepared


@torch.no_grad()
def test_a_layer_maps_the_neighbours_mean_and_the_node_itself():
    graph = random_graph(1)
    model = SAGE(SAGEConfig(playlists=30, tracks=20, width=4, layers=1))
    conv: Any = model.layers[0]
    x = torch.randn(50, 4)
    edges = matrix(graph)
    full = np.zeros((50, 50))
    full[:30, 30:], full[30:, :30] = edges, edges.T
    mean = torch.from_numpy(full / np.maximum(full.sum(axis=1, keepdims=True), 1)).float() @ x
    expected = mean @ conv.lin_l.weight.T + conv.lin_l.bias + x @ conv.lin_r.weight.T
    torch.testing.assert_close(model.layer(0, x, Adjacency.of(graph).averaging), expected)


def test_it_trains():
    found = prepared()
    sizes = config(found)
    given = SAGEConfig(playlists=sizes.playlists, tracks=sizes.tracks, width=8, layers=2)
    _, rows = train_graph(found, "sage", given, SCHEDULE, lambda model, epoch: {})
    assert rows[-1]["loss"] < rows[0]["loss"]
