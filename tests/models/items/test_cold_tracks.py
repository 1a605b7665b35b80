"""Where a track stands that no session has had: with those it is like."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.items import cold_tracks
from models.items.cold_tracks import place

RNG = np.random.default_rng(0)
KNOWN = RNG.standard_normal((60, 5)).astype(np.float32)
COLD = RNG.standard_normal((7, 5)).astype(np.float32)


def test_a_linear_relation_of_the_spaces_is_found_by_the_map():
    weights, offset = RNG.standard_normal((5, 3)), RNG.standard_normal(3)
    rows = (KNOWN @ weights + offset).astype(np.float32)
    placed = place(KNOWN, rows, COLD, "map").rows
    np.testing.assert_allclose(placed, COLD @ weights + offset, atol=0.1)


def test_a_neighbour_alone_lends_its_row():
    placed = place(KNOWN, KNOWN * 2, KNOWN[[4, 9]], "neighbours", k=1)
    np.testing.assert_array_equal(placed.rows, KNOWN[[4, 9]] * 2)
    assert placed.nearest.tolist() == [4, 9]


@given(k=st.integers(1, 80))
def test_a_row_by_neighbours_lies_among_the_known_ones(k):
    rows = RNG.standard_normal((60, 3)).astype(np.float32)
    placed = place(KNOWN, rows, COLD, "neighbours", k).rows
    assert placed.shape == (7, 3)
    assert (placed <= rows.max(axis=0) + 1e-6).all()
    assert (placed >= rows.min(axis=0) - 1e-6).all()


@pytest.mark.parametrize("by", ["neighbours", "map"])
def test_many_tracks_are_placed_as_one_alone(by, monkeypatch):
    alone = place(KNOWN, KNOWN, COLD, by)
    monkeypatch.setattr(cold_tracks, "_CELLS", 2 * len(KNOWN))
    in_parts = place(KNOWN, KNOWN, COLD, by)
    np.testing.assert_allclose(in_parts.rows, alone.rows, rtol=1e-5)
    np.testing.assert_array_equal(in_parts.nearest, alone.nearest)


def test_nothing_to_lean_on_is_refused():
    with pytest.raises(ValueError, match="1 tracks are known to both"):
        place(KNOWN[:1], KNOWN[:1], COLD)
