"""What a report says: spreads over seeds, rows within reach, and paired differences."""

import numpy as np
import pytest

from benchmarks.factorisation.entries import SUBJECTS
from benchmarks.factorisation.published import Row
from benchmarks.factorisation.report import comparisons, row, systems
from benchmarks.factorisation.sitting import Answer
from models.factorisation.leave_one_out import Ranked

SUBJECT = SUBJECTS["ml-100k"]


def answer(hits: int, users: int = 200) -> Answer:
    """The first so many users have their item first, the others have it last."""
    ranks = np.where(np.arange(users) < hits, 1, 100)
    return Answer(Ranked(ranks, ranks, ranks, 0.5, 0.25), 1.0, "abc")


def test_a_figure_has_its_mean_and_its_deviation_over_the_seeds():
    found = systems({"fm": [answer(100), answer(120)], "popularity": [answer(50)]})
    assert found["fm"]["sampled_hit_rate@10"] == {"mean": 0.55, "sd": 0.0707}
    assert found["popularity"]["new_coverage@10"] == {"mean": 0.25, "sd": None}


@pytest.mark.parametrize(("hits", "within"), [(97, True), (96, False), (150, True)])
def test_a_row_is_reached_from_a_hundredth_and_a_half_below(hits, within):
    published = Row("t", "FM", "ours", 0.5, 0.4, None, "fm", "")
    found = row(published, systems({"fm": [answer(hits)]}), "sampled")
    assert found["within"] is within
    assert found["ours"]["hit_rate@10"]["mean"] == hits / 200


def test_a_row_without_an_entry_has_no_figure_of_ours():
    assert row(Row("t", "X", "paper", 0.5, 0.4, None, None, ""), {}, "sampled")["ours"] is None


def test_differences_are_of_the_same_users_and_an_interval_knows_which_are_told_apart():
    answers = {
        "popularity": [answer(60)],
        "fm": [answer(100), answer(100)],
        "fm+previous": [answer(140), answer(140)],
    }
    found = {(each["a"], each["b"], each["metric"]): each for each in comparisons(SUBJECT, answers)}
    better = found["fm+previous", "fm", "hit_rate@10"]
    assert better["difference"] == 0.2
    assert 0.1 < better["interval95"][0] < 0.2 < better["interval95"][1] < 0.3
    assert found["fm", "popularity", "ndcg@10"]["difference"] == 0.2


def test_two_that_answer_alike_are_not_told_apart():
    answers = {"fm": [answer(100)], "fm-gcn": [answer(100)]}
    assert all(each["interval95"] == [0, 0] for each in comparisons(SUBJECT, answers))
