"""Edges dealt out: every edge in one part, and supervision edges never among the messages."""

import numpy as np
import pytest

from models.graphs.edge_split import given_split, split_edges, supervision

from .small import graph_of, matrix, random_graph


def test_every_edge_is_in_one_part_and_shares_are_kept():
    graph = random_graph(1, 40, 40)
    split = split_edges(graph, 0)
    parts = [split.train, split.valid, split.test]
    assert np.array_equal(sum(matrix(part) for part in parts), matrix(graph))
    shares = [round(part.n_edges / graph.n_edges, 2) for part in parts]
    assert shares == [0.7, 0.15, 0.15]
    assert np.array_equal(matrix(split.known), matrix(split.train) + matrix(split.valid))


def test_what_is_asked_for_is_not_known():
    split = split_edges(random_graph(1), 0)
    for part in ("valid", "test"):
        assert not (matrix(split.messages(part)) * matrix(split.hidden(part))).any()


def test_the_seed_decides():
    graph = random_graph(1)
    one, same, other = (matrix(split_edges(graph, seed).train) for seed in (0, 0, 1))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_supervision_edges_are_no_messages():
    graph = random_graph(1, 60, 60)
    messages, supervised = supervision(graph, 0.3, np.random.default_rng(0))
    assert np.array_equal(matrix(messages) + matrix(supervised), matrix(graph))
    assert 0.25 < supervised.n_edges / graph.n_edges < 0.35
    assert supervision(graph, 0, np.random.default_rng(0)) == (graph, graph)
    with pytest.raises(ValueError, match="below 1"):
        supervision(graph, 1, np.random.default_rng(0))


def test_a_split_that_was_given_is_kept_and_must_share_no_edge():
    train, test = graph_of([[0, 1], [2]], 3), graph_of([[2], [0]], 3)
    split = given_split(train, test)
    assert split.messages("test") is train
    assert split.valid.n_edges == 0
    with pytest.raises(ValueError, match="1 test edges are training edges"):
        given_split(train, graph_of([[1], [0]], 3))
    with pytest.raises(ValueError, match="same playlists"):
        given_split(train, graph_of([[2]], 3))


def test_shares_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="sum to 1"):
        split_edges(random_graph(1), 0, (0.7, 0.7, 0.1))
    with pytest.raises(ValueError, match="none to train on"):
        split_edges(random_graph(1), 0, (0, 0.5, 0.5))
