"""One step along a graph: as the papers' equations say it, and as PyTorch Geometric computes it."""

import importlib

import numpy as np
import pytest
import torch

from models.factorisation.propagation import Attention, connected
from models.graphs.adjacency import Adjacency

ROWS = np.array([[0, 2, 4], [0, 3, 5], [1, 2, 5], [1, 2, 4]])
NODES = 6


def graph() -> Adjacency:
    return connected(ROWS, NODES)


def dense(values: torch.Tensor) -> torch.Tensor:
    """The matrix, entry by entry."""
    built = torch.zeros(NODES, NODES, dtype=values.dtype)
    made = graph()
    built[made.owners, made.neighbours] = values
    return built


def test_what_stands_in_a_row_is_connected_both_ways_once_and_each_node_to_itself():
    found = dense(torch.ones(len(graph().neighbours)))
    assert found.diagonal().tolist() == [1.0] * NODES
    assert torch.equal(found, found.T)
    assert [(a, b) for a in range(NODES) for b in range(a) if found[a, b]] == [
        (2, 0), (2, 1), (3, 0), (4, 0), (4, 1), (4, 2), (5, 0), (5, 1), (5, 2), (5, 3),
    ]  # fmt: skip


def test_weights_are_those_of_kipf_and_welling():
    made = graph()
    found = dense(torch.ones(len(made.neighbours)))
    degrees = found.sum(1)
    expected = found / torch.sqrt(degrees[:, None] * degrees[None, :])
    assert torch.allclose(dense(made.weights), expected)


def test_shares_of_attention_sum_to_one_so_that_equal_rows_stay_what_they_are():
    attention = Attention(8, heads=2, dropout=0.5).eval()
    row = torch.randn(8)
    assert torch.allclose(attention(graph(), row.repeat(NODES, 1)), row.repeat(NODES, 1), atol=1e-6)


def test_attention_with_very_different_rows_stays_finite():
    attention = Attention(4, heads=1, dropout=0.0)
    table = torch.randn(NODES, 4) * torch.logspace(0, 4, NODES)[:, None]
    assert torch.isfinite(attention(graph(), table)).all()


def test_heads_must_share_the_width():
    with pytest.raises(ValueError, match="width 6 is no multiple of 4 heads"):
        Attention(6, heads=4, dropout=0.0)


@pytest.mark.filterwarnings("ignore::FutureWarning")  # of torch, at their import
@pytest.mark.parametrize("heads", [1, 2])
def test_both_are_what_pytorch_geometric_computes(heads):
    layers = importlib.import_module("torch_geometric.nn")
    torch.manual_seed(0)
    made, table = graph(), torch.randn(NODES, 8)
    edges = made.edge_index()
    convolution = layers.GCNConv(NODES, 8, bias=False, add_self_loops=False)
    convolution.lin.weight.data = table.T.contiguous()
    assert torch.allclose(
        made.spread(table, made.weights), convolution(torch.eye(NODES), edges), atol=1e-6
    )
    theirs = layers.GATConv(NODES, 8 // heads, heads=heads, bias=False, add_self_loops=False)
    theirs.lin.weight.data = table.T.contiguous()
    ours = Attention(8, heads, dropout=0.0)
    ours.source.data, ours.toward.data = theirs.att_src.data[0], theirs.att_dst.data[0]
    assert torch.allclose(ours(made, table), theirs(torch.eye(NODES), edges), atol=1e-6)
