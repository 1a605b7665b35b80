"""Shares of what followed are those of a plain count, of exactly these tracks in this order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.counting.ngrams import continuations
from models.sessions import Sessions, packed
from streams.continuations import LAGS, RUNS, SHARES, Continuations

walks = st.lists(st.lists(st.integers(1, 5), min_size=2, max_size=8), min_size=1, max_size=6)


def _packed(found: list[list[int]]) -> Sessions:
    return packed(
        [(f"s{i}", [(str(item), 1) for item in items]) for i, items in enumerate(found)],
        [str(item) for item in range(1, 6)],
    )


def shares(found: Continuations, *history: int) -> np.ndarray:
    """Shares of the items 1 to 5, (5, SHARES)."""
    after = found.after(np.array([history]), np.array([len(history)]))
    result = np.zeros((6, SHARES))
    np.add.at(result, (after.item, after.kind), after.share)
    return result[1:]


@given(walks, st.lists(st.integers(1, 5), min_size=1, max_size=7))
def test_they_are_those_of_a_plain_count(sessions, history):
    found = shares(continuations(_packed(sessions), 9), *history)
    for lag in range(1, LAGS + 1):
        if lag > len(history):
            assert not found[:, lag - 1].any()
            continue
        later = [s[i + lag] for s in sessions for i in range(len(s) - lag) if s[i] == history[-lag]]
        for item in range(1, 6):
            wanted = later.count(item) / (len(later) + 1)
            assert found[item - 1, lag - 1] == pytest.approx(wanted, rel=1e-6)
    for kind, run in enumerate(RUNS, start=LAGS + 1):
        places = [
            s[i + run]
            for s in sessions
            for i in range(len(s) - run)
            if len(history) >= run and s[i : i + run] == history[-run:]
        ]
        for item in range(1, 6):
            assert found[item - 1, kind] == pytest.approx(places.count(item) / (len(places) + 1))


def test_the_order_of_a_run_counts():
    ngrams = continuations(_packed([[1, 2, 3], [2, 1, 4]]), 9)
    for history, follower in (((1, 2), 3), ((2, 1), 4)):
        pair = shares(ngrams, *history)[:, LAGS + 1]
        assert pair.tolist() == [0.5 * (item == follower) for item in range(1, 6)]


def test_what_stood_near_counts_whichever_came_first_and_less_from_further_back():
    ngrams = continuations(_packed([[1, 2]]), 9)
    near = [shares(ngrams, *history)[:, LAGS] for history in ((2,), (2, 5))]
    assert near[0].tolist() == [0.5, 0, 0, 0, 0]
    assert near[1].tolist() == [0.25, 0, 0, 0, 0]


def test_sessions_with_nothing_to_count_give_nothing():
    unknown = packed([("s", [("x", 1), ("y", 1), ("1", 1)])], ["1", "2", "3", "4", "5"])
    nothing = continuations(unknown, 9)
    assert not len(nothing.keys)
    assert not shares(nothing, 1, 2, 3).any()


def test_of_each_lag_and_run_the_heaviest_targets_are_kept_ties_by_target():
    walked = _packed([[1, 2], [1, 3], [1, 3], [1, 4], [5, 4]])
    found = shares(continuations(walked, 2), 1)[:, 0]
    assert found == pytest.approx([0, 1 / 5, 2 / 5, 0, 0])
    whole = shares(continuations(walked, 9), 5)[:, 0]
    assert shares(continuations(walked, 2), 5)[:, 0].tolist() == whole.tolist()
