"""Counts are found by how far back a track is, and padded with what changes nothing."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streams.counts import TransitionCounts
from streams.followers import Followers

STEPS = st.dictionaries(
    st.tuples(st.integers(0, 3), st.integers(1, 5), st.integers(1, 5)),
    st.sampled_from([0.25, 0.5, 1.0]),
    max_size=20,
)
SESSIONS = st.lists(
    st.lists(st.tuples(st.integers(1, 5), st.integers(0, 4)), min_size=1, max_size=5),
    min_size=1,
    max_size=4,
)


def counted(steps: dict[tuple[int, int, int], float]) -> TransitionCounts:
    columns = np.array(list(steps), dtype=np.int32).reshape(-1, 3)
    weights = np.array(list(steps.values()), dtype=np.float32)
    return TransitionCounts(columns[:, 1], columns[:, 2], weights, columns[:, 0])


@given(STEPS, SESSIONS)
def test_every_step_from_a_sessions_newest_tracks_is_there_and_padding_adds_nothing(
    steps, sessions
):
    found = Followers(counted(steps), 5).inputs(sessions)
    for row, session in enumerate(sessions):
        reach = max([1, *(lag for lag, _, _ in steps)])
        expected = sorted(
            (target, np.float32(weight) * np.float32(1 if lag else 1 / back))
            for (lag, source, target), weight in steps.items()
            for back, (item, _) in enumerate(reversed(session[-reach:]), start=1)
            if item == source and lag in (0, back)
        )
        pairs = zip(found["followers"][row].tolist(), found["weights"][row].tolist(), strict=True)
        assert sorted(pair for pair in pairs if pair != (0, 0.0)) == expected


def test_counts_without_lags_are_of_the_newest_track():
    one = np.ones(1, dtype=np.int32)
    followers = Followers(TransitionCounts(one, 2 * one, one.astype(np.float32)), 3)
    found = followers.inputs([[(1, 1)], [(1, 1), (3, 1)]])
    assert (followers.reach, found["followers"].tolist()) == (1, [[2], [0]])
    assert found["weights"].tolist() == [[1.0], [0.0]]
