"""Leave one out: three sets of candidates, and what stands in the lists."""

import numpy as np
import pytest

from models.data.canonical import to_frame
from models.factorisation.interactions import interactions
from models.factorisation.leave_one_out import Exam
from models.sessions import packed

TRACKS = [f"t{i}" for i in range(30)]
PLAYS = [("all", [(track, 1) for track in TRACKS])] + [
    (str(user), [(TRACKS[(user * 3 + step) % 30], 1) for step in (0, 1, 2, 0)]) for user in range(8)
]
TRAIN, ASKED = interactions(to_frame(packed(PLAYS))).select(np.arange(30, 62)).held_out()


class Fixed:
    """Scores that a test sets."""

    def __init__(self, scores: np.ndarray) -> None:
        self._scores = scores

    def scores(self, features: np.ndarray, users: np.ndarray) -> np.ndarray:
        assert len(features) == len(users)
        found: np.ndarray = self._scores[users]
        return found


def scores(right: float) -> np.ndarray:
    """0 for all items, something else for the right one."""
    made = np.zeros((9, TRAIN.n_items))
    made[ASKED.users, ASKED.items] = right
    return made


def exam(negatives: int = 20) -> Exam:
    return Exam.of(TRAIN, ASKED, seed=0, negatives=negatives)


def test_negatives_are_new_to_the_user_and_never_the_right_answer_nor_twice():
    made = exam()
    keys = ASKED.users[:, None] * TRAIN.n_items + made.negatives
    assert not np.isin(keys, TRAIN.pairs()).any()
    assert not (made.negatives == ASKED.items[:, None]).any()
    assert all(len(set(row)) == 20 for row in made.negatives.tolist())


def test_the_same_seed_draws_the_same_negatives():
    assert np.array_equal(exam().negatives, exam().negatives)
    assert not np.array_equal(
        exam().negatives, Exam.of(TRAIN, ASKED, seed=1, negatives=20).negatives
    )


def test_the_highest_score_is_first_of_all_candidates():
    ranked = exam().rank(Fixed(scores(1.0)))
    assert set(ranked.sampled) == set(ranked.new) == set(ranked.every) == {1}


def test_the_lowest_score_and_a_tie_are_both_last_and_what_a_user_has_is_no_candidate():
    for right in (-1.0, 0.0, np.nan):
        ranked = exam().rank(Fixed(scores(right)))
        assert set(ranked.sampled) == {21}
        assert set(ranked.new) == {TRAIN.n_items - 2}  # three of its own, one of them is right
        assert set(ranked.every) == {TRAIN.n_items}


def test_an_item_above_the_right_one_counts_where_it_is_a_candidate():
    made = scores(1.0)
    own = np.zeros_like(made, dtype=bool)
    own.flat[TRAIN.pairs()] = True
    own[ASKED.users, ASKED.items] = False
    made[own] = 2.0
    for user, negatives in zip(ASKED.users, exam().negatives, strict=True):
        made[user, negatives[0]] = 2.0
    ranked = exam().rank(Fixed(made))
    assert set(ranked.sampled) == set(ranked.new) == {2}
    assert set(ranked.every) == {4}  # and two that the user had before


def test_coverage_is_the_share_of_the_catalog_in_any_list():
    made = np.zeros((9, TRAIN.n_items)) - np.arange(TRAIN.n_items)
    ranked = exam().rank(Fixed(made))
    # Lists of ten of the first thirteen: each user's three own ones make way.
    assert 10 / 30 <= ranked.new_coverage <= 13 / 30
    assert ranked.sampled_coverage > ranked.new_coverage


def test_figures_are_hit_rate_and_gain_of_each():
    figures = exam().rank(Fixed(scores(1.0))).figures()
    assert (figures["sampled_hit_rate@10"], figures["every_ndcg@10"]) == (1.0, 1.0)


def test_too_small_a_catalog_and_nobody_to_ask_say_so():
    with pytest.raises(ValueError, match=r"only 27 items left .* expected 99 or more"):
        Exam.of(TRAIN, ASKED, seed=0)
    with pytest.raises(ValueError, match="nobody has two items"):
        Exam.of(TRAIN, ASKED.select(np.zeros(len(ASKED), bool)), seed=0)
