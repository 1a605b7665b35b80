"""Neighbours that are drawn: all where there are few, right on average where there are many."""

import numpy as np
import pytest
import torch

from models.graphs.adjacency import Adjacency, layer_sum
from models.graphs.graph import Graph
from models.graphs.neighbours import NeighbourSampler

from .small import random_graph
from .test_adjacency import dense

ALPHA = torch.full((3,), 1 / 3)


def around(graph: Graph, fanouts: list[int], seeds: np.ndarray, seed: int = 0) -> torch.Tensor:
    """Embed seeds by two layers from what is drawn around them."""
    whole = Adjacency.of(graph)
    found = NeighbourSampler(whole, fanouts).around(seeds, np.random.default_rng(seed))
    x = embedding(graph)[torch.from_numpy(found.nodes)]
    assert found.nodes[: len(seeds)].tolist() == seeds.tolist()
    assert len(np.unique(found.nodes)) == len(found.nodes)
    return layer_sum(x, ALPHA, found.adjacency)[: len(seeds)]


def embedding(graph: Graph) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(graph.n_nodes, 3, generator=generator)


def test_with_room_for_all_it_is_the_whole_graph():
    graph, seeds = random_graph(2), np.array([7, 45, 0, 31])
    expected = layer_sum(embedding(graph), ALPHA, Adjacency.of(graph))[torch.from_numpy(seeds)]
    torch.testing.assert_close(around(graph, [50, 50], seeds), expected)


def test_draws_are_right_on_average():
    graph, seeds = random_graph(2), np.array([7, 45])
    first = ALPHA[0] * embedding(graph) + ALPHA[1] * dense(graph) @ embedding(graph)
    drawn = [around(graph, [3, 50], seeds, seed) for seed in range(4000)]
    second = ALPHA[2] * dense(graph) @ dense(graph) @ embedding(graph)
    expected = (first + second)[torch.from_numpy(seeds)]
    torch.testing.assert_close(torch.stack(drawn).mean(dim=0), expected, atol=0.02, rtol=0)


def test_no_hop_is_larger_than_its_fanouts_and_the_outermost_receive_nothing():
    graph, seeds = random_graph(2, 60, 60, 0.5), np.array([3])
    found = NeighbourSampler(Adjacency.of(graph), [4, 2]).around(seeds, np.random.default_rng(0))
    sizes = found.adjacency.starts.diff()
    assert sizes[0] <= 4
    assert sizes[1:5].max() <= 2
    assert len(found.nodes) <= 1 + 4 + 8
    assert sizes[int(sizes[0]) + 1 :].sum() == 0


def test_its_gradient_is_that_of_the_matrix_as_it_is_written():
    graph, seeds = random_graph(2), np.array([7, 45])
    found = NeighbourSampler(Adjacency.of(graph), [3, 3]).around(seeds, np.random.default_rng(0))
    n = len(found.nodes)
    written = torch.zeros(n, n)
    sources, nodes = found.adjacency.edge_index()
    written[nodes, sources] = found.adjacency.weights
    gradients = []
    for ours in (True, False):
        x = torch.ones(n, 2, requires_grad=True)
        total = (
            layer_sum(x, ALPHA, found.adjacency)
            if ours
            else ((x + written @ x + written @ written @ x) / 3)
        )
        torch.autograd.backward(total[:2].square().sum())
        gradients.append(x.grad)
    torch.testing.assert_close(*gradients)


def test_a_sampler_can_be_asked_again():
    graph = random_graph(2)
    sampler = NeighbourSampler(Adjacency.of(graph), [2, 2])
    one, same = (sampler.around(np.array([1, 40]), np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(one.nodes, same.nodes)
    assert torch.equal(one.adjacency.weights, same.adjacency.weights)


@pytest.mark.parametrize("blocks", [1, 7, 40])
def test_layers_in_blocks_are_the_layers_of_the_whole(blocks, monkeypatch):
    from models.graphs import encoder as graph_encoder
    from models.graphs.sage import SAGE, SAGEConfig

    model = SAGE(SAGEConfig(playlists=30, tracks=20, width=4, layers=2)).eval()
    adjacency = Adjacency.of(random_graph(2))
    with torch.no_grad():
        whole = model(adjacency)
        monkeypatch.setattr(graph_encoder, "EDGES", len(adjacency.neighbours) // blocks - 1)
        torch.testing.assert_close(model(adjacency), whole)
