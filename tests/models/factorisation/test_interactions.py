"""Interactions: features numbered through all fields, and a last row that is held out."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.data.canonical import to_frame
from models.factorisation.interactions import Interactions, interactions
from models.sessions import packed

Plays = list[tuple[str, list[tuple[str, int]]]]
PLAYS: Plays = [
    ("a", [("x", 1), ("y", 4), ("x", 1)]),
    ("b", [("z", 1), ("x", 2)]),
    ("c", [("x", 1)]),
]


def made(
    plays: Plays = PLAYS, fields: Sequence[str] = ("user", "previous"), **dense: int
) -> Interactions:
    return interactions(to_frame(packed(plays)), fields, **dense)


def test_features_of_all_fields_are_places_in_one_table_and_items_come_after():
    data = made()
    assert data.track_ids == ("x", "y", "z")  # most frequent first
    assert (data.sizes, data.n_features, data.start("previous")) == ((3, 4), 7, 3)
    assert data.features.tolist() == [[0, 3], [0, 4], [0, 5], [1, 3], [1, 6], [2, 3]]
    assert data.items.tolist() == [0, 1, 0, 2, 0, 0]


def test_the_user_need_be_no_field():
    data = made(fields=("previous",))
    assert data.features.tolist() == [[0], [1], [2], [0], [3], [0]]
    assert data.users.tolist() == [0, 0, 0, 1, 1, 2]


def test_the_last_row_of_each_is_asked_for_and_a_single_one_is_not():
    train, asked = made().held_out()
    assert asked.users.tolist() == [0, 1]
    assert asked.items.tolist() == [0, 0]
    assert train.users.tolist() == [0, 0, 1, 2]


def test_what_comes_after_the_row_that_is_asked_for_is_in_neither_part():
    train, asked = made().held_out(back=2)
    assert (asked.users.tolist(), asked.items.tolist()) == ([0], [1])
    assert (train.users.tolist(), train.items.tolist()) == ([0, 1, 1, 2], [0, 2, 0, 0])


@given(
    st.lists(st.lists(st.sampled_from("uvwxyz"), min_size=1, max_size=6), min_size=1, max_size=6),
    st.integers(1, 2),
)
def test_nothing_of_a_users_future_is_trained_on(plays, back):
    data = made([(str(i), [(track, 1) for track in tracks]) for i, tracks in enumerate(plays)])
    train, asked = data.held_out(back)
    for user, tracks in enumerate(plays):
        mine = [data.track_ids[item] for item in train.items[train.users == user]]
        held = [data.track_ids[item] for item in asked.items[asked.users == user]]
        if len(tracks) > back:
            assert mine + held == tracks[: len(tracks) - back + 1]
        else:
            assert (mine, held) == (tracks, [])


def test_rare_tracks_and_short_sessions_are_counted_before_either_goes():
    data = made(sessions_of_track=2, tracks_of_session=2)
    assert (data.track_ids, data.user_ids) == (("x",), ("a", "b"))
    # The previous track of the last row is z, though z itself is left out.
    assert data.features.tolist() == [[0, 2], [0, 4], [1, 5]]


def test_pairs_are_what_users_have_once():
    assert made().pairs().tolist() == [0, 1, 3, 5, 6]


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ((), "at least one"),
        (("user", "user"), "each once"),
        (("mood",), "unknown context"),
    ],
)
def test_fields_that_cannot_be_built_say_why(fields, complaint):
    with pytest.raises(ValueError, match=complaint):
        made(fields=fields)


def test_nothing_left_says_so():
    with pytest.raises(ValueError, match="no row is left"):
        made(sessions_of_track=9)


def test_columns_are_whole_numbers():
    assert made().features.dtype == np.int64
