"""Metrics from literals, and the laws between them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.evaluation.metrics import (
    MISSED,
    auc_pairs,
    coverage,
    exposure,
    gini,
    hit_rate,
    mrr,
    ndcg,
    popularity_lift,
    ranks,
    recall,
)

RANKS = np.array([1, 2, 10, 11, MISSED])
some_ranks = st.lists(st.integers(1, 40) | st.just(int(MISSED)), min_size=1).map(np.array)
cutoffs = st.integers(1, 50)


def scored(*rows: list[float]) -> np.ndarray:
    return np.array([[0.0, *row] for row in rows])  # column 0 is padding


def test_rank_is_one_based_and_padding_is_never_before_it():
    scores = scored([0.3, 0.2, 0.1])
    scores[:, 0] = 9
    assert ranks(np.tile(scores, (3, 1)), np.array([1, 2, 3])).tolist() == [1, 2, 3]


def test_ties_count_against_the_target():
    assert ranks(scored([0.5, 0.5, 0.5, 0.1]), np.array([1])).tolist() == [3]


def test_nan_elsewhere_stands_before_the_target():
    assert ranks(scored([0.5, math.nan, 0.1]), np.array([1])).tolist() == [2]


@pytest.mark.parametrize("own", [math.nan, math.inf, -math.inf])
def test_a_target_whose_score_is_not_finite_is_missed(own):
    assert ranks(scored([own, 0.2]), np.array([1])).tolist() == [MISSED]


def test_an_unknown_target_is_missed_even_when_the_catalog_is_smaller_than_k():
    found = ranks(scored([0.1, 0.2]), np.array([0]))
    assert hit_rate(found, 10) == 0


def test_figures_of_five_known_ranks():
    assert hit_rate(RANKS, 1) == 0.2
    assert hit_rate(RANKS, 10) == recall(RANKS, 10) == 0.6
    assert mrr(RANKS, 10) == pytest.approx((1 + 1 / 2 + 1 / 10) / 5)
    assert ndcg(RANKS, 10) == pytest.approx((1 + 1 / math.log2(3) + 1 / math.log2(11)) / 5)


def test_no_targets_have_no_figure():
    assert math.isnan(hit_rate(np.zeros(0, np.int64), 10))


def test_a_cut_off_below_one_is_refused():
    with pytest.raises(ValueError, match="k is 0"):
        hit_rate(RANKS, 0)


@given(some_ranks, cutoffs)
def test_reciprocal_rank_and_gain_never_exceed_the_hit_rate(found, k):
    assert 0 <= mrr(found, k) <= ndcg(found, k) <= hit_rate(found, k) <= 1


@given(some_ranks, cutoffs, cutoffs)
def test_every_figure_grows_with_k(found, k, more):
    for figure in (hit_rate, recall, mrr, ndcg):
        assert figure(found, k) <= figure(found, k + more)


@given(some_ranks, cutoffs)
def test_a_better_rank_never_lowers_a_figure(found, k):
    better = np.maximum(1, found - 1)
    for figure in (hit_rate, mrr, ndcg):
        assert figure(better, k) >= figure(found, k)


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=8), st.data())
def test_rank_counts_what_is_not_below(row, data):
    target = data.draw(st.integers(1, len(row)))
    expected = sum(score >= row[target - 1] for score in row)
    assert ranks(scored(row), np.array([target])).tolist() == [expected]


def test_coverage_counts_each_track_once_and_padding_never():
    assert coverage(exposure(np.array([[1, 2], [2, 0]]), 4)) == 0.5


def test_gini_is_zero_for_equal_exposure_and_nears_one_for_a_single_track():
    assert gini(np.array([3, 3, 3, 3])) == 0
    assert gini(np.array([0, 0, 0, 12])) == pytest.approx(1 - 1 / 4)
    assert gini(np.array([0, 1, 2, 1])) == pytest.approx(3 / 8)  # half the mean difference
    assert math.isnan(gini(np.zeros(4, np.int64)))


def test_popularity_lift_is_zero_where_lists_are_as_popular_as_what_was_played():
    plays = np.array([0, 8, 4, 2])
    assert popularity_lift(np.array([[1, 3], [2, 0]]), np.array([1, 3]), plays) == pytest.approx(
        ((8 + 2) / 2 + 4) / 2 / 5 - 1
    )
    assert popularity_lift(np.array([[1], [3]]), np.array([3, 1, 0]), plays) == 0
    assert popularity_lift(np.array([[0, 0], [1, 0]]), np.array([2]), plays) == 1
    assert math.isnan(popularity_lift(np.array([[1]]), np.array([0]), plays))


def test_auc_compares_heard_with_skipped_tracks_of_one_row_only():
    scores = np.array([[0.9, 0.1, 0.5], [0.0, 0.0, -np.inf]])
    heard = np.array([[True, False, False], [True, False, True]])
    skipped = np.array([[False, True, True], [False, True, False]])
    won, pairs = auc_pairs(scores, heard, skipped)  # the second row ties, and -inf is not compared
    assert (won.tolist(), pairs.tolist()) == ([2, 0.5], [2, 1])
