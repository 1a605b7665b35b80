"""Candidates are the first stage's best, told of from the training and the past alone."""

import numpy as np
import pytest

from models.counting.ngrams import SHARES
from models.questions import Questions, ask
from models.second_stage.candidates import CONTEXT, FEATURES, Describer
from models.sessions import packed

RNG = np.random.default_rng(0)
DRAWN = packed(
    [
        (f"s{i}", [(f"t{RNG.integers(30)}", int(RNG.integers(5))) for _ in range(9)])
        for i in range(40)
    ]
)
SIZE = DRAWN.n_items + 1
IN_SESSION = 4 + SHARES  # the first feature of what a candidate was in the session


def _asked(*, cut: int = 0) -> Questions:
    (asked,) = ask(DRAWN.shortened(cut), "next-track", 10**6)
    return asked.questions.take(np.flatnonzero(asked.questions.depth <= 5))


def test_they_are_the_best_of_the_first_stage_but_for_the_current_track():
    questions = _asked()
    scores = RNG.normal(size=(len(questions.row), SIZE))
    before = scores.copy()
    found = Describer(DRAWN).describe(questions, scores, 7)
    assert np.array_equal(scores, before)
    for row, current, items, below in zip(
        scores, questions.current, found.items, found.scores, strict=True
    ):
        order = [item for item in np.argsort(-row) if item not in (0, current)][:7]
        assert items.tolist() == order
        np.testing.assert_allclose(below, row[order] - row[order[0]], rtol=1e-5, atol=1e-6)
    assert found.features.shape == (len(questions.row), 7, FEATURES)
    assert found.context.shape == (len(questions.row), CONTEXT)
    assert np.isfinite(found.features).all()
    assert np.isfinite(found.context).all()


def test_nothing_of_the_future_is_told():
    whole, cut = _asked(), _asked(cut=3)
    assert whole.depth.tolist() == cut.depth.tolist()
    scores = RNG.normal(size=(len(whole.row), SIZE))
    describer = Describer(DRAWN)
    told = [describer.describe(questions, scores, 10) for questions in (whole, cut)]
    for one, other in zip(*told, strict=True):
        assert np.array_equal(one, other)


def test_of_a_track_that_was_in_the_session_it_is_told_when_and_how_it_ended():
    items, outcomes = np.array([[3, 1, 3, 2, 9]]), np.array([[1, 1, 4, 3, 1]])
    one = np.array([0])
    questions = Questions(items, outcomes, one, np.array([4]), np.array([2]))
    scores = -np.arange(SIZE, dtype=np.float64)[None]
    found = Describer(DRAWN).describe(questions, scores, 4)
    assert found.items.tolist() == [[1, 3, 4, 5]]
    told = found.features[0, :, IN_SESSION:]  # there, 1 / steps, times, ended as 1, 2, 3, 4
    np.testing.assert_allclose(told[0], [1, 1 / 3, 1, 1, 0, 0, 0], rtol=1e-6)
    np.testing.assert_allclose(told[1], [1, 1 / 2, 2, 0, 0, 0, 1], rtol=1e-6)
    assert not told[2:].any()
    wanted = [np.log(4), 1 / 4, 2.5 / 5, 0, 0, 1, 0]
    np.testing.assert_allclose(found.context[0], wanted, rtol=1e-6)


def test_a_catalog_smaller_than_the_candidates_gives_all_of_it_and_one_of_one_track_none():
    questions = _asked()
    scores = np.zeros((len(questions.row), SIZE))
    found = Describer(DRAWN).describe(questions, scores, 500)
    assert found.items.shape[1] == DRAWN.n_items - 1
    alone = packed([("s", [("a", 1), ("a", 1)])])
    (asked,) = ask(alone, "next-track", 10**6)
    with pytest.raises(ValueError, match="the catalog has one track"):
        Describer(alone).describe(asked.questions, np.zeros((1, 2)), 5)
