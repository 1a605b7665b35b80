"""Intervals of differences: paired, by session, and of ratios where weights are given."""

import numpy as np
import pytest

from models.evaluation.bootstrap import Resamples


def resamples(session: np.ndarray, seed: int = 1) -> Resamples:
    return Resamples(session, np.random.default_rng(seed))


def test_equal_rankers_differ_by_zero_and_a_better_one_by_more():
    theirs = np.random.default_rng(0).random(400)
    draws = resamples(np.repeat(np.arange(40), 10))
    assert draws.interval(theirs, theirs) == (0, 0, 0)
    better = draws.interval(theirs + 0.1, theirs)
    assert better is not None
    assert better == pytest.approx((0.1, 0.1, 0.1))


def test_whole_sessions_are_drawn():
    """Ten copies of each target inside a session must not make the interval narrower."""
    gains = np.random.default_rng(2).normal(size=30)
    narrow = resamples(np.arange(30)).interval(gains, 0 * gains)
    copied = np.repeat(gains, 10)
    wide = resamples(np.repeat(np.arange(30), 10)).interval(copied, 0 * copied)
    assert wide == pytest.approx(narrow)


def test_the_interval_is_as_wide_as_the_mean_is_uncertain():
    gains = np.random.default_rng(3).normal(size=1000)
    found = resamples(np.arange(1000)).interval(gains, 0 * gains)
    assert found is not None
    error = gains.std() / np.sqrt(1000)
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.1)
    assert found.mean == pytest.approx((found.low + found.high) / 2, abs=error / 4)


def test_what_has_no_weight_counts_for_nothing():
    session = np.array([0, 0, 1, 1])
    ours, theirs = np.array([3.0, 9.0, 1.0, 9.0]), np.array([1.0, 0.0, 1.0, 0.0])
    found = resamples(session).interval(ours, theirs, np.array([True, False, True, False]))
    assert found is not None
    assert (found.mean, found.low, found.high) == (1, 0, 2)
    assert resamples(session).interval(ours, theirs, np.zeros(4, np.bool_)) is None


def test_weights_make_it_the_interval_of_a_ratio():
    """Of a skip AUC: pairs won by each, over the pairs there are."""
    found = resamples(np.array([0, 1])).interval(
        np.array([4.0, 1.0]), np.array([2.0, 1.0]), np.array([4, 1])
    )
    assert found is not None
    assert found.mean == pytest.approx(2 / 5)
    assert (found.low, found.high) == (0, 0.5)


def test_without_targets_there_is_nothing_to_compare():
    with pytest.raises(ValueError, match="no targets"):
        resamples(np.zeros(0, np.int64))
