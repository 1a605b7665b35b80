"""Products with the normalised adjacency against dense ones, and their gradients."""

import numpy as np
import pytest
import torch

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
