"""Factorisation machines: their equation, written out, and what they refuse."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch

from models.factorisation.fm import FactorizationMachine, FmConfig
from models.factorisation.propagation import connected


def machine(**given: Any) -> FactorizationMachine:
    torch.manual_seed(0)
    graph = connected(np.array([[0, 2, 5], [1, 3, 6], [1, 4, 7]]), 8)
    model = FactorizationMachine(FmConfig(features=5, items=3, width=4, **given), graph)
    torch.nn.init.normal_(model.weight)
    torch.nn.init.normal_(model.bias)
    return model.eval()


@pytest.mark.parametrize("embedding", ["table", "gcn", "attention"])
def test_a_score_is_rendles_equation(embedding):
    model = machine(embedding=embedding)
    table = model.embeddings()
    found = model(torch.tensor([[0, 3]]), torch.tensor([[0, 2]]))
    for place, item in enumerate([5, 7]):
        row = [0, 3, item]
        pairs = sum(table[a] @ table[b] for a, b in itertools.combinations(row, 2))
        expected = model.bias + model.weight[row].sum() + pairs
        assert torch.isclose(found.items[0, place] + found.common[0], expected, atol=1e-5)


def test_ranking_needs_the_parts_alone():
    model = machine()
    features, items, weights = model.parts()
    row = torch.tensor([[1, 2], [0, 4]])
    scores = features[row].sum(1) @ items.T + weights
    expected = model(row, torch.arange(3).expand(2, 3)).items
    assert torch.allclose(scores, expected, atol=1e-6)


def test_a_graph_alone_leaves_the_own_row_out():
    whole, alone = machine(embedding="gcn"), machine(embedding="gcn", own=False)
    assert torch.allclose(whole.embeddings() - whole.table, alone.embeddings())


def test_a_machine_without_weights_learns_none():
    assert not machine(linear=False).weight.requires_grad


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"embedding": "hash"}, "embedding 'hash'"),
        ({"heads": 0}, "1 or more"),
        ({"dropout": 1.0}, "0 to below 1"),
    ],
)
def test_a_config_that_is_no_machine_is_refused(given, complaint):
    with pytest.raises(ValueError, match=complaint):
        FmConfig(features=5, items=3, **given)


def test_a_graph_must_have_a_node_for_each_row_of_the_table():
    with pytest.raises(ValueError, match="gcn needs a graph of 8 nodes, got None"):
        FactorizationMachine(FmConfig(features=5, items=3, embedding="gcn"))
