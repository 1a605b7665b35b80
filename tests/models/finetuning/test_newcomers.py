"""New tracks come after the old ones, and start where their neighbours are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.finetuning.newcomers import grown_catalog, grown_rows
from models.sessions import Sessions, packed


def listening(*sessions: str, track_ids: str | None = None) -> Sessions:
    """One letter a track."""
    return packed(
        [(str(i), [(track, 1) for track in tracks]) for i, tracks in enumerate(sessions)],
        None if track_ids is None else tuple(track_ids),
    )


NOTHING = listening(track_ids="")


def test_new_tracks_come_after_the_old_the_most_frequent_first():
    new = listening("azz", "bzy", "yx")
    assert grown_catalog(("b", "a"), new, NOTHING, 2, 9) == ("b", "a", "z", "y")


def test_a_track_seen_too_seldom_stays_out_until_it_comes_again():
    new, earlier = listening("az"), listening("zy", "y")
    assert grown_catalog(("a",), new, NOTHING, 2, 9) == ("a",)
    assert grown_catalog(("a",), new, earlier, 2, 9) == ("a", "z")


def test_of_a_flood_of_new_tracks_the_most_frequent_come_in():
    assert grown_catalog(("a",), listening("xyyzzz"), NOTHING, 1, 2) == ("a", "z", "y")


def test_a_new_row_is_the_mean_of_its_neighbours_rows():
    rows = np.array([[0, 0], [1, 0], [0, 1], [9, 9]], dtype=np.float32)  # padding, a, b, c
    grown = grown_rows(rows, listening("azb", "za", track_ids="abcz"))
    assert grown[:4].tolist() == rows.tolist()
    assert grown[4].tolist() == pytest.approx([2 / 3, 1 / 3])


def test_tracks_of_another_session_or_out_of_reach_are_no_neighbours():
    rows = np.array([[0.0], [1.0], [5.0]], dtype=np.float32)  # padding, a, b
    grown = grown_rows(rows, listening("za", "b", "b", "baaaz", track_ids="abz"))
    assert grown[3].tolist() == [1.0]


def test_a_track_among_new_tracks_alone_leans_on_theirs():
    rows = np.array([[0.0], [4.0], [8.0]], dtype=np.float32)
    grown = grown_rows(rows, listening("ay", "yz", track_ids="abyz"))
    assert grown[3:].tolist() == [[4.0], [4.0]]


def test_a_track_with_no_neighbour_at_all_takes_the_mean_row():
    rows = np.array([[0.0], [4.0], [8.0]], dtype=np.float32)
    assert grown_rows(rows, listening("z", "zz", track_ids="abz"))[3].tolist() == [6.0]


def test_a_catalog_smaller_than_its_rows_is_misuse():
    with pytest.raises(ValueError, match="has 1 tracks, expected at least the 2"):
        grown_rows(np.zeros((3, 2), dtype=np.float32), listening("a", track_ids="a"))


@given(st.lists(st.text("abcwxyz", min_size=1, max_size=8), min_size=1, max_size=8))
def test_every_row_is_finite_old_rows_stay_and_new_ones_lie_among_the_old(sessions):
    catalog = grown_catalog("abc", listening(*sessions), NOTHING, 1, 99)
    rows = np.array([[0], [1], [2], [4]], dtype=np.float32)
    grown = grown_rows(rows, packed([(t, [(c, 1) for c in t]) for t in sessions], catalog))
    assert grown.shape == (len(catalog) + 1, 1)
    assert np.array_equal(grown[:4], rows)
    assert ((grown[4:] >= 1) & (grown[4:] <= 4)).all()
