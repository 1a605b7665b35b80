"""Products with the normalised adjacency against dense ones, and their gradients."""

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from models.graphs.adjacency import Adjacency, layer_sum
from models.graphs.graph import Graph

from .small import graph_of, matrix, random_graph


def dense(graph: Graph, weights: np.ndarray | None = None) -> torch.Tensor:
    """D^-1/2 A D^-1/2 as it is written, (n, n)."""
    edges = matrix(graph)
    if weights is not None:
        edges[graph.owners, graph.tracks] = weights
    n = graph.n_nodes
    full = np.zeros((n, n))
    full[: graph.n_playlists, graph.n_playlists :] = edges
    full += full.T
    degree = full.sum(axis=1)
    scale = np.where(degree > 0, np.maximum(degree, 1e-12) ** -0.5, 0)
    return torch.from_numpy(scale[:, None] * full * scale).float()


@pytest.mark.parametrize("weighted", [False, True])
def test_a_product_is_the_dense_one(weighted):
    graph = random_graph(3)
    weights = np.random.default_rng(0).random(graph.n_edges, np.float32) if weighted else None
    x = torch.randn(graph.n_nodes, 4)
    found = Adjacency.of(graph, weights).product(x)
    torch.testing.assert_close(found, dense(graph, weights) @ x)


def test_a_node_without_edges_receives_nothing():
    found = Adjacency.of(graph_of([[0], []], 2)).product(torch.ones(4, 3))
    assert found.sum(dim=1).tolist() == [3, 0, 3, 0]


def test_layers_and_their_gradients_are_those_of_dense_products():
    graph = random_graph(4)
    written = dense(graph)
    x, alpha = torch.randn(graph.n_nodes, 3), torch.tensor([0.4, 0.1, 0.3, 0.2])
    mask = torch.randn(graph.n_nodes, 3)
    gradients = []
    for ours in (True, False):
        own, shares = x.clone().requires_grad_(), alpha.clone().requires_grad_()
        if ours:
            total = layer_sum(own, shares, Adjacency.of(graph))
        else:
            powers = [own]
            for _ in range(3):
                powers.append(written @ powers[-1])
            total = sum(share * power for share, power in zip(shares, powers, strict=True))
        torch.autograd.backward((total * mask).sum())
        gradients.append((total, own.grad, shares.grad))
    for found, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(found, expected)


def test_nothing_is_learned_of_fixed_weights():
    graph = random_graph(4)
    x = torch.randn(graph.n_nodes, 3, requires_grad=True)
    total = layer_sum(x, torch.tensor([0.5, 0.5]), Adjacency.of(graph))
    torch.autograd.backward(total.sum())
    assert x.grad is not None


def drawn(symmetric: bool) -> Adjacency:
    """A graph, or what is left of it where each edge goes one way and some are there twice."""
    whole = Adjacency.of(random_graph(5)).to(torch.device("cpu"))
    if symmetric:
        return whole
    starts = torch.arange(whole.n_nodes + 1) * 3
    neighbours = torch.randint(whole.n_nodes, (int(starts[-1]),))
    return Adjacency(starts, neighbours, torch.rand(len(neighbours)), symmetric=False)


def written(adjacency: Adjacency, values: torch.Tensor) -> torch.Tensor:
    """The matrix, entry by entry."""
    full = torch.zeros(adjacency.n_nodes, adjacency.n_nodes, dtype=values.dtype)
    return full.index_put((adjacency.owners, adjacency.neighbours.long()), values, accumulate=True)


@pytest.mark.parametrize("symmetric", [True, False])
def test_spreading_is_the_product_and_its_gradients_too(symmetric):
    adjacency = drawn(symmetric)
    x = torch.randn(adjacency.n_nodes, 3, dtype=torch.float64, requires_grad=True)
    values = torch.rand(len(adjacency.neighbours), dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(adjacency.spread(x, values), written(adjacency, values) @ x)
    assert gradcheck(adjacency.spread, (x, values))


@pytest.mark.parametrize("symmetric", [True, False])
def test_the_transposed_has_rows_and_columns_exchanged(symmetric):
    adjacency = drawn(symmetric)
    other = adjacency.transposed()
    found = written(other, other.weights)
    torch.testing.assert_close(found, written(adjacency, adjacency.weights).T)


def test_loops_join_each_node_to_itself_and_change_nothing_else():
    adjacency = drawn(symmetric=False)
    looped = adjacency.looped
    expected = written(adjacency, adjacency.weights) + torch.eye(adjacency.n_nodes)
    torch.testing.assert_close(written(looped, looped.weights), expected)
