"""Training rows hold every target once; draws hold what they promise."""

import itertools
from collections.abc import Iterable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.sampling import (
    NegativeSampler,
    batches,
    mixed_batches,
    training_rows,
    unobserved,
)
from models.sessions import packed
from tests.strategies import sessions


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_long_session_is_cut_into_rows_that_share_one_occurrence():
    plays = [(f"t{i}", i % 5) for i in range(1, 8)]
    rows = training_rows(packed([("s", plays)], [f"t{i}" for i in range(1, 8)]), 3)
    assert rows.items.tolist() == [[1, 2, 3, 4], [4, 5, 6, 7]]
    assert rows.outcomes.tolist() == [[1, 2, 3, 4], [4, 0, 1, 2]]


def test_short_sessions_are_padded_on_the_right_and_lone_tracks_left_out():
    rows = training_rows(packed([("a", [("x", 1), ("y", 4)]), ("b", [("x", 1)])], ["x", "y"]), 3)
    assert rows.items.tolist() == [[1, 2, 0, 0]]
    assert rows.outcomes.tolist() == [[1, 4, 0, 0]]


def test_tracks_that_the_catalog_does_not_know_are_left_out():
    rows = training_rows(packed([("a", [("x", 1), ("new", 1), ("y", 2)])], ["x", "y"]), 2)
    assert rows.items.tolist() == [[1, 2, 0]]


@given(sessions(), st.integers(1, 6))
def test_every_occurrence_but_the_first_is_a_target_once_after_its_predecessor(found, length):
    rows = training_rows(found, length)
    pairs = [(int(a), int(b)) for row in rows.items for a, b in itertools.pairwise(row) if b]
    expected = [
        (int(a), int(b))
        for i in range(len(found))
        for a, b in zip(found.session(i)[0][:-1], found.session(i)[0][1:], strict=True)
    ]
    assert pairs == expected


def test_batches_hold_each_row_once_and_the_same_for_the_same_seed():
    drawn = torch.cat(list(batches(10, 4, generator())))
    assert sorted(drawn.tolist()) == list(range(10))
    assert torch.equal(drawn, torch.cat(list(batches(10, 4, generator()))))
    assert not torch.equal(drawn, torch.cat(list(batches(10, 4, generator(1)))))


def test_taken_rows_are_cut_to_the_columns_that_they_need():
    rows = training_rows(
        packed([("a", [("x", 1), ("y", 4)]), ("b", [("y", 2), ("x", 1)] * 3)], ["x", "y"]), 5
    )
    assert rows.lengths().tolist() == [2, 6]
    taken = rows.take(torch.tensor([0]), 2)
    assert taken.items.tolist() == [[1, 2]]
    assert taken.outcomes.tolist() == [[1, 4]]


def test_mixed_batches_hold_each_new_row_once_and_the_share_of_old_ones():
    drawn = list(mixed_batches(6, 100, 0.5, 4, generator()))
    new = [row for batch in drawn for row in batch.tolist() if row < 6]
    assert sorted(new) == list(range(6))
    assert all((batch >= 6).sum() == 2 for batch in drawn)
    assert all(batch.max() < 106 for batch in drawn)


def test_with_nothing_to_replay_all_of_a_batch_is_new():
    assert [len(batch) for batch in mixed_batches(6, 0, 0.5, 4, generator())] == [4, 2]


def test_a_share_of_no_new_rows_is_refused():
    with pytest.raises(ValueError, match="share is 0"):
        next(mixed_batches(1, 1, 0, 1, generator()))


@pytest.mark.parametrize("alpha", [0, 0.5, 1])
def test_negatives_are_drawn_by_a_power_of_their_plays_and_padding_never(alpha):
    plays = torch.tensor([7, 16, 0, 9, 1, 4])
    sampler = NegativeSampler(plays, alpha)
    drawn = sampler.draw(100_000, generator())
    weights = torch.tensor([0, 16, 1, 9, 1, 4]) ** alpha  # never played counts as played once
    weights[0] = 0
    share = torch.bincount(drawn, minlength=6) / len(drawn)
    torch.testing.assert_close(share, weights / weights.sum(), atol=0.01, rtol=0)
    torch.testing.assert_close(sampler.log_q.exp(), weights / weights.sum(), atol=1e-6, rtol=1e-5)


def test_a_catalog_without_items_cannot_be_drawn_from():
    with pytest.raises(ValueError, match="no items to draw"):
        NegativeSampler(torch.zeros(1))


@given(
    st.lists(st.lists(st.integers(0, 9), min_size=3, max_size=3), min_size=1, max_size=4),
    st.integers(0, 12),
)
def test_unobserved_tracks_are_distinct_and_none_was_observed(observed, count):
    drawn = unobserved(np.array(observed), 9, count, np.random.default_rng(0))
    for row, seen in zip(drawn.tolist(), observed, strict=True):
        real = [item for item in row if item]
        assert len(set(real)) == len(real) == min(count, 9 - len(set(seen) - {0}))
        assert not set(real) & set(seen)


@given(st.integers(1, 70), st.integers(1, 5))
def test_batches_of_like_lengths_draw_each_row_once(count, size):
    lengths = torch.randint(2, 21, (count,), generator=generator())
    drawn = list(batches(count, size, generator(), lengths))
    assert sorted(torch.cat(drawn).tolist()) == list(range(count))
    assert max(map(len, drawn)) <= size


def test_batches_of_like_lengths_hold_little_padding_and_come_in_random_order():
    lengths = torch.arange(2, 22).repeat(40)  # 800 rows

    def padding(drawn: Iterable[torch.Tensor]) -> int:
        return sum(int((lengths[rows].max() - lengths[rows]).sum()) for rows in drawn)

    drawn = list(batches(800, 25, generator(), lengths))
    assert padding(drawn) < 0.15 * padding(batches(800, 25, generator()))
    longest = [int(lengths[rows].max()) for rows in drawn]
    assert longest != sorted(longest, reverse=True)
    assert [rows.tolist() for rows in drawn] != [
        rows.tolist() for rows in batches(800, 25, generator(1), lengths)
    ]
