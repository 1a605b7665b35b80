"""Graphs in rows: what is an edge, what is left of it, what weighs how much."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.graphs.graph import DAY, Graph, gathered, union

from .small import graph_of, matrix, random_graph

PAIRS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 7)), max_size=40)


@given(PAIRS)
def test_a_pair_is_an_edge_if_it_was_given_and_repeats_are_counted(pairs):
    owners, tracks = (np.array([pair[i] for pair in pairs], np.int64) for i in (0, 1))
    graph, repeats = gathered(owners, tracks, 6, 8)
    asked = np.array([(p, t) for p in range(6) for t in range(8)])
    found = graph.contains(asked[:, 0], asked[:, 1])
    assert {tuple(pair) for pair in asked[found].tolist()} == set(pairs)
    assert repeats == len(pairs) - len(set(pairs))
    assert all(np.all(np.diff(graph.row(p)) > 0) for p in range(6))


def test_a_track_stands_where_it_came_first_and_its_newest_time_counts():
    owners, tracks = np.array([0, 1, 1, 1]), np.array([2, 2, 0, 2])
    graph, repeats = gathered(owners, tracks, 2, 3, ordered=True, times=np.array([5, 6, 7, 9]))
    assert repeats == 1
    assert graph.tracks.tolist() == [2, 0, 2]
    assert graph.positions is not None
    assert graph.positions.tolist() == [0, 1, 0]
    assert graph.times is not None
    assert graph.times.tolist() == [5, 7, 9]


def test_what_is_induced_keeps_the_edges_among_what_is_kept():
    graph = random_graph(1)
    playlists, tracks = np.arange(30) % 2 == 0, np.arange(20) > 4
    expected = matrix(graph)[playlists][:, tracks]
    assert np.array_equal(matrix(graph.induced(playlists, tracks)), expected)


def test_a_union_has_the_edges_of_both():
    one, other = random_graph(1), random_graph(2)
    assert np.array_equal(matrix(union(one, other)), np.maximum(matrix(one), matrix(other)))


def test_a_weight_halves_with_every_half_life():
    times = np.array([0, 10, 20]) * DAY
    graph, _ = gathered(np.arange(3), np.arange(3), 3, 3, times=times)
    assert graph.recency(10).tolist() == [0.25, 0.5, 1]


def test_without_times_nothing_is_recent():
    with pytest.raises(ValueError, match="no times"):
        random_graph(1).recency(10)
    with pytest.raises(ValueError, match="more than 0"):
        random_graph(1).recency(0)


@pytest.mark.parametrize(
    ("starts", "tracks", "message"),
    [([1, 2], [0], "begin at 0"), ([0, 2], [0], "end at 2"), ([0, 1], [3], "0..2")],
)
def test_arrays_that_are_no_graph_are_refused(starts, tracks, message):
    with pytest.raises(ValueError, match=message):
        Graph(np.array(starts), np.array(tracks, np.int32), 3)


def test_nodes_are_counted():
    graph = graph_of([[0, 2], [], [2]], 4)
    assert (graph.n_playlists, graph.n_nodes, graph.n_edges) == (3, 7, 3)
    assert graph.popularity.tolist() == [1, 0, 2, 0]
    assert graph.lengths.tolist() == [2, 0, 1]
