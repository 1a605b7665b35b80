"""Graph attention against the formula of the paper, and training on small graphs."""

from typing import Any

import pytest
import torch

from models.graphs.adjacency import Adjacency
from models.graphs.gat import GAT, GATConfig
from models.graphs.recipe import train_graph

from .small import graph_of, random_graph
from .test_training import SCHEDULE, config, prepared


@torch.no_grad()
def test_a_layer_is_attention_over_neighbours_and_the_node_itself():
    graph = graph_of([[0, 1], [1]], 2)
    model = GAT(GATConfig(playlists=2, tracks=2, width=3, layers=1, heads=2)).eval()
    conv: Any = model.attention[0]
    back: Any = model.back[0]
    x = torch.randn(4, 3)
    found = model.layer(0, x, Adjacency.of(graph).looped)
    node, neighbours = 0, [0, 2, 3]  # playlist 0: itself, and tracks 0 and 1
    mapped = (x @ conv.lin.weight.T).view(4, 2, 3)
    heads = []
    for head in range(2):
        scores = torch.stack(
            [
                (conv.att_src[0, head] * mapped[j, head]).sum()
                + (conv.att_dst[0, head] * mapped[node, head]).sum()
                for j in neighbours
            ]
        )
        weights = torch.nn.functional.leaky_relu(scores, 0.2).softmax(dim=0)
        heads.append((weights[:, None] * mapped[neighbours, head]).sum(dim=0))
    expected = back(torch.cat(heads) + conv.bias)
    torch.testing.assert_close(found[node], expected)


@pytest.mark.parametrize("mlp", [False, True])
def test_it_trains_and_layers_sum_up(mlp):
    found = prepared()
    sizes = config(found)
    given = GATConfig(
        playlists=sizes.playlists, tracks=sizes.tracks, width=8, layers=2, mlp=mlp, heads=2
    )
    trained, rows = train_graph(found, "gat", given, SCHEDULE, lambda model, epoch: {})
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert isinstance(trained, GAT)
    model = trained.eval()
    with torch.no_grad():
        adjacency = Adjacency.of(found.split.train)
        first = model.layer(0, model.initial(), adjacency.looped)
        second = model.layer(1, first, adjacency.looped)
        expected = (model.initial() + first + second) / 3
        torch.testing.assert_close(model(adjacency), expected)


def test_sizes_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="heads is 0"):
        GATConfig(playlists=1, tracks=1, heads=0)
    with pytest.raises(ValueError, match="dropout is 1"):
        GATConfig(playlists=1, tracks=1, dropout=1)


def test_dropout_is_for_training_alone():
    graph = random_graph(1)
    model = GAT(GATConfig(playlists=30, tracks=20, width=4, layers=1))
    adjacency = Adjacency.of(graph)
    assert not torch.equal(model(adjacency), model(adjacency))
    model.eval()
    assert torch.equal(model(adjacency), model(adjacency))
