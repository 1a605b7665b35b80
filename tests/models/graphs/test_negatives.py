"""Negatives: uniform ones are no edges and spread evenly, hard ones are among the best scored."""

import numpy as np
import pytest
import torch

from models.graphs.negatives import entries, hard, shrinking, uniform

from .small import graph_of, random_graph

RNG = np.random.default_rng


def test_checked_ones_are_no_edges_and_every_other_track_is_drawn_alike():
    graph = graph_of([[0, 2, 4], [1]], 6)
    playlists = np.repeat([0, 1], 6000)
    drawn = uniform(graph, playlists, RNG(0))
    assert not graph.contains(playlists, drawn).any()
    counts = np.bincount(drawn[:6000], minlength=6)
    assert counts[[0, 2, 4]].tolist() == [0, 0, 0]
    assert counts[[1, 3, 5]].min() > 1850
    assert set(drawn[6000:]) == {0, 2, 3, 4, 5}


def test_unchecked_ones_may_be_any_track_the_last_one_too():
    drawn = uniform(graph_of([[0, 1, 2]], 4), np.zeros(1000, np.int64), RNG(0), checked=False)
    assert set(drawn) == {0, 1, 2, 3}


def test_a_playlist_of_all_tracks_has_none():
    with pytest.raises(ValueError, match="all 2 tracks"):
        uniform(graph_of([[0, 1]], 2), np.array([0]), RNG(0))


@pytest.mark.parametrize("checked", [True, False])
def test_hard_ones_are_the_best_scored_of_the_share(checked):
    graph = random_graph(2, 12, 20)
    scores = torch.randn(12, 20, generator=torch.Generator().manual_seed(0))
    playlists = RNG(1).integers(0, 12, 2000)
    drawn = hard(graph, playlists, lambda some: scores[some].clone(), 0.2, RNG(0), checked=checked)
    for playlist in range(12):
        allowed = scores[playlist].clone()
        if checked:
            allowed[torch.from_numpy(graph.row(playlist)).long()] = -torch.inf
        best = set(allowed.topk(4).indices.tolist())
        assert set(drawn[playlists == playlist].tolist()) == best
    assert not checked or not graph.contains(playlists, drawn).any()


def test_where_fewer_are_left_than_the_share_the_rest_is_drawn_from():
    graph = graph_of([[0, 1, 2]], 4)
    drawn = hard(graph, np.zeros(50, np.int64), lambda some: torch.rand(len(some), 4), 1.0, RNG(0))
    assert set(drawn) == {3}


def test_rows_are_looked_up_in_the_order_asked():
    which, tracks = entries(graph_of([[5], [1, 2], []], 6), np.array([1, 2, 0, 1]))
    assert which.tolist() == [0, 0, 2, 3, 3]
    assert tracks.tolist() == [1, 2, 5, 1, 2]


def test_the_share_shrinks_over_training():
    assert [shrinking(1.0, 0.5, x) for x in (0, 0.5, 1)] == [1, 0.75, 0.5]
