"""Packed sessions: what selecting, splitting, reindexing and padding keep and drop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.sessions import (
    Sessions,
    joined,
    packed,
    padded,
    split_by_session,
    without_shared_runs,
)
from tests.strategies import TRACKS, plays, sessions

SMALL = packed(
    [
        ("a", [("x", 1), ("y", 4), ("x", 2)]),
        ("b", [("y", 1)]),
        ("c", [("x", 3), ("y", 1), ("x", 1)]),
    ]
)


def as_lists(these: Sessions) -> list[tuple[str, list[tuple[str, int]]]]:
    return [(name, these.occurrences(i)) for i, name in enumerate(these.session_ids)]


def test_the_catalog_is_most_frequent_first_with_ties_by_track_id():
    counted = packed([("s", [("b", 1), ("c", 1), ("c", 1), ("a", 1)])])
    assert counted.track_ids == ("c", "a", "b")
    assert counted.counts().tolist() == [0, 2, 1, 1]


def test_a_session_gives_its_items_and_outcomes_oldest_first():
    items, outcomes = SMALL.session(0)
    assert items.tolist() == [1, 2, 1]
    assert outcomes.tolist() == [1, 4, 2]


def test_duplicates_are_the_same_tracks_in_the_same_order_whatever_the_outcomes():
    assert SMALL.deduplicated().session_ids == ("a", "b")


def test_select_takes_positions_in_the_order_asked_or_a_mask():
    assert as_lists(SMALL.select([2, 0])) == [as_lists(SMALL)[2], as_lists(SMALL)[0]]
    assert SMALL.select(np.array([False, True, False])).session_ids == ("b",)
    assert len(SMALL.select([])) == 0


def test_unknown_tracks_are_left_out_and_sessions_that_get_too_short_with_them():
    other = SMALL.reindexed(["y", "z"])
    assert as_lists(other.known()) == [("a", [("y", 4)]), ("b", [("y", 1)]), ("c", [("y", 1)])]
    assert len(other.known(2)) == 0
    assert SMALL.known(2).session_ids == ("a", "c")


def test_tracks_unknown_to_a_catalog_become_item_0():
    other = SMALL.reindexed(["y", "z"])
    assert other.items.tolist() == [0, 1, 0, 1, 0, 1, 0]
    assert other.occurrences(0) == [("y", 4)]


def test_compacting_drops_rare_tracks_from_the_catalog_and_keeps_their_places():
    rare = SMALL.compacted(min_count=4)
    assert rare.track_ids == ("x",)
    assert rare.items.tolist() == [1, 0, 1, 0, 1, 0, 1]


def test_padding_keeps_the_last_occurrences_and_fills_on_the_right():
    items, outcomes, lengths = padded(SMALL, 2)
    assert items.tolist() == [[2, 1], [2, 0], [2, 1]]
    assert outcomes.tolist() == [[4, 2], [1, 0], [1, 1]]
    assert lengths.tolist() == [2, 1, 2]
    assert items.dtype == outcomes.dtype == lengths.dtype == np.int64


def test_test_sessions_that_share_a_run_with_train_are_left_out():
    known = packed([("s", [(t, 1) for t in TRACKS])])
    tests = packed(
        [
            ("shares", [(TRACKS[0], 1), (TRACKS[5], 1), (TRACKS[2], 1), (TRACKS[3], 1)]),
            ("reversed", [(t, 1) for t in reversed(TRACKS)]),
            ("short", [(TRACKS[0], 1)]),
            ("across", [(TRACKS[7], 1), (TRACKS[2], 1)]),
            ("the join of two sessions is no run", [(TRACKS[3], 1), (TRACKS[7], 1)]),
        ],
        track_ids=known.track_ids,
    )
    assert without_shared_runs(tests, known, length=2).session_ids == tests.session_ids[1:]
    assert without_shared_runs(tests, known, length=3).session_ids == tests.session_ids


@pytest.mark.parametrize(
    "broken",
    [
        {"offsets": np.array([0, 1])},
        {"offsets": np.array([1, 3, 4, 7])},
        {"items": np.array([1, 2, 1, 2, 1, 2, 3], dtype=np.int32)},
        {"outcomes": np.zeros(3, dtype=np.int8)},
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(broken):
    fields = {
        name: getattr(SMALL, name)
        for name in ("track_ids", "session_ids", "offsets", "items", "outcomes")
    }
    with pytest.raises(ValueError, match=r"offsets|items"):
        Sessions(**{**fields, **broken})


@pytest.mark.parametrize("fractions", [(), (0.5, 0.6), (1.5, -0.5), (0.5,)])
def test_fractions_that_are_no_partition_are_refused(fractions):
    with pytest.raises(ValueError, match="sum to 1"):
        split_by_session(SMALL, 0, fractions)


def test_sessions_over_different_catalogs_are_neither_joined_nor_compared():
    other = SMALL.reindexed(["y", "x"])
    with pytest.raises(ValueError, match="one catalog"):
        joined([SMALL, other])
    with pytest.raises(ValueError, match="one catalog"):
        without_shared_runs(SMALL, other)


@given(sessions(), st.integers(0, 5))
def test_a_split_is_a_partition_by_session_and_the_seed_decides_it(these, seed):
    parts = split_by_session(these, seed)
    again = split_by_session(these, seed)
    assert sorted(name for part in parts for name in part.session_ids) == sorted(these.session_ids)
    whole = dict(as_lists(these))
    assert all(whole[name] == played for part in parts for name, played in as_lists(part))
    assert all(one.same_as(two) for one, two in zip(parts, again, strict=True))


def test_the_shares_of_a_split_are_those_asked_for():
    many = packed((f"s{i}", [("x", 1)]) for i in range(1000))
    assert [len(part) for part in split_by_session(many, 3)] == [800, 100, 100]
    one, other = (split_by_session(many, seed)[0].session_ids for seed in (1, 2))
    assert one != other


@given(sessions())
def test_deduplication_keeps_the_first_in_order_and_is_idempotent(these):
    kept = these.deduplicated()
    first: dict[tuple[str, ...], str] = {}
    for name, played in as_lists(these):
        first.setdefault(tuple(track for track, _ in played), name)
    assert kept.session_ids == tuple(first.values())
    assert kept.deduplicated().same_as(kept)


@given(sessions(min_size=1), st.integers(1, 15))
def test_padded_rows_are_the_ends_of_the_sessions(these, length):
    items, outcomes, lengths = padded(these, length)
    for i in range(len(these)):
        whole_items, whole_outcomes = these.session(i)
        n = int(lengths[i])
        assert n == min(length, len(whole_items))
        assert items[i, :n].tolist() == whole_items[-n:].tolist()
        assert outcomes[i, :n].tolist() == whole_outcomes[-n:].tolist()
        assert not items[i, n:].any()
        assert not outcomes[i, n:].any()


@given(sessions(), st.permutations(TRACKS))
def test_reindexing_changes_numbers_and_not_tracks(these, catalog):
    other = these.reindexed(catalog)
    assert as_lists(other) == as_lists(these)
    assert other.reindexed(these.track_ids).same_as(these)


@given(sessions(min_size=1), st.data())
def test_selecting_everything_in_parts_and_joining_gives_the_whole(these, data):
    cut = data.draw(st.integers(0, len(these)))
    index = np.arange(len(these))
    assert joined([these.select(index[:cut]), these.select(index[cut:])]).same_as(these)


@given(sessions(), sessions(), st.integers(1, 4))
def test_no_run_of_a_kept_session_is_in_train(tests, train, length):
    train = train.reindexed(tests.track_ids)
    kept = without_shared_runs(tests, train, length)

    def runs(these: Sessions, i: int) -> set[tuple[int, ...]]:
        items = these.session(i)[0].tolist()
        return {tuple(items[j : j + length]) for j in range(len(items) - length + 1)}

    known = {run for i in range(len(train)) for run in runs(train, i)}
    expected = [name for i, name in enumerate(tests.session_ids) if not runs(tests, i) & known]
    assert list(kept.session_ids) == expected


@given(st.lists(plays(), max_size=6))
def test_packing_and_reading_back_changes_nothing(drawn):
    pairs = [(f"s{i}", session) for i, session in enumerate(drawn)]
    assert as_lists(packed(pairs)) == pairs
