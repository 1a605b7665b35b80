"""The K-core: every node has K neighbours in it, and no larger part has."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.graphs.k_core import k_core

from .small import graph_of, matrix, random_graph


def peeled(found: np.ndarray, k: int) -> np.ndarray:
    """Take nodes away one by one, (P, T) -> (P, T) with zeros where an end is gone."""
    found = found.copy()
    while True:
        rows, columns = found.sum(axis=1), found.sum(axis=0)
        row = next((i for i in range(len(rows)) if 0 < rows[i] < k), None)
        column = next((i for i in range(len(columns)) if 0 < columns[i] < k), None)
        if row is not None:
            found[row] = 0
        elif column is not None:
            found[:, column] = 0
        else:
            return found


@given(st.integers(0, 1000), st.integers(1, 4))
def test_it_is_what_peeling_node_by_node_leaves(seed, k):
    graph = random_graph(seed, 8, 8, 0.6)
    expected = peeled(matrix(graph), k)
    if not expected.any():
        with pytest.raises(ValueError, match=f"{k}-core"):
            k_core(graph, k)
        return
    core = k_core(graph, k)
    assert np.array_equal(core.playlists, expected.any(axis=1))
    assert np.array_equal(core.tracks, expected.any(axis=0))


def test_an_empty_core_names_the_largest_that_is_not():
    graph = graph_of([[0, 1, 2], [0, 1, 2], [0, 1, 2], [3]], 4)
    with pytest.raises(ValueError, match="K of at most 3"):
        k_core(graph, 30)


def test_zero_keeps_everything():
    core = k_core(graph_of([[0], []], 2), 0)
    assert core.playlists.all()
    assert core.tracks.all()


def test_a_negative_k_is_refused():
    with pytest.raises(ValueError, match="0 or more"):
        k_core(random_graph(1), -1)
