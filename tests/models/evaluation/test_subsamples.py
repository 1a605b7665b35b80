"""Equal disjoint subsamples of the test sessions, and the figures over them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.evaluation.evaluation import Evaluation
from models.evaluation.subsamples import subsampled, subsamples


@given(st.integers(2, 60), st.integers(2, 10))
def test_subsamples_are_equal_and_share_no_session(sessions, count):
    if count > sessions:
        return
    parts = subsamples(sessions, count, np.random.default_rng(0))
    assert [len(part) for part in parts] == [sessions // count] * count
    together = np.concatenate(parts)
    assert len(set(together.tolist())) == len(together)
    assert together.max() < sessions


def evaluation(ranks: list[int]) -> Evaluation:
    session = 3 * np.arange(len(ranks), dtype=np.int64)  # others had nothing to ask
    heard = np.ones(len(ranks), dtype=np.bool_)
    return Evaluation("m", session, heard, np.array(ranks, dtype=np.int64))


def test_a_figure_is_the_mean_over_subsamples_with_its_deviation():
    ranks = [1, 1, 1, 1, 99, 99, 99, 99]
    found = subsampled(evaluation(ranks), 4)
    assert (found["count"], found["sessions"]) == (4, 2)
    figure = found["metrics"]["hit_rate@10"]
    assert figure["mean"] == pytest.approx(0.5)
    parts = subsamples(8, 4, np.random.default_rng(0))
    each = [np.mean([ranks[i] == 1 for i in part]) for part in parts]
    assert figure["sd"] == pytest.approx(np.std(each, ddof=1))


@pytest.mark.parametrize("count", [1, 9])
def test_too_few_or_too_many_subsamples_are_refused(count):
    with pytest.raises(ValueError, match=f"{count} subsamples of 8 test sessions: expected 2 to 8"):
        subsampled(evaluation([1] * 8), count)
