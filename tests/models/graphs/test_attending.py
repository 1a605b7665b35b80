"""Attention along edges, beside PyTorch Geometric's layer: values and gradients."""

import pytest
import torch

from models.graphs.adjacency import Adjacency
from models.graphs.attending import attend
from models.graphs.geometric import GATConv

from .small import graph_of, random_graph


@pytest.mark.parametrize("heads", [1, 3])
@pytest.mark.parametrize("twice", [False, True])
def test_it_is_what_pytorch_geometric_computes(heads, twice):
    """With and without edges that were drawn twice."""
    adjacency = Adjacency.of(random_graph(2)).looped
    if twice:
        starts, neighbours = adjacency.starts * 2, adjacency.neighbours.repeat_interleave(2)
        weights = adjacency.weights.repeat_interleave(2)
        adjacency = Adjacency(starts, neighbours, weights, symmetric=False)
    theirs = GATConv(5, 4, heads=heads, bias=False, add_self_loops=False)
    x = torch.randn(adjacency.n_nodes, 5, requires_grad=True)
    expected = theirs(x, adjacency.edge_index())
    parts = theirs.lin(x).view(-1, heads, 4)
    found = attend(parts, theirs.att_dst[0], theirs.att_src[0], adjacency).flatten(1)
    torch.testing.assert_close(found, expected)
    mask = torch.randn_like(found)
    learned = [x, *theirs.parameters()]
    for ours, other in zip(
        torch.autograd.grad((found * mask).sum(), learned),
        torch.autograd.grad((expected * mask).sum(), learned),
        strict=True,
    ):
        torch.testing.assert_close(ours, other)


def test_a_node_that_all_its_neighbours_repel_still_shares_itself_out():
    """Scores are taken from the node's own greatest one, whatever others have."""
    adjacency = Adjacency.of(graph_of([[0], [1]], 2)).looped
    parts = torch.tensor([[1e4], [-1e4], [1e4], [-1e4]])[:, None]  # (n, 1, 1)
    ones = torch.ones(1, 1)
    found = attend(parts, ones, ones, adjacency)
    torch.testing.assert_close(found, parts)


def test_a_node_without_edges_takes_nothing():
    adjacency = Adjacency.of(graph_of([[0], []], 2))
    found = attend(torch.ones(4, 2, 3), torch.ones(2, 3), torch.ones(2, 3), adjacency)
    assert found.sum(dim=(1, 2)).tolist() == [6, 0, 6, 0]
