"""Candidates are the first stage's best; skip rates lean on the average."""

import numpy as np
import pytest

from models.questions import Questions, ask
from models.second_stage.candidates import best, skip_rates
from models.sessions import packed

RNG = np.random.default_rng(0)
DRAWN = packed(
    [
        (f"s{i}", [(f"t{RNG.integers(30)}", int(RNG.integers(5))) for _ in range(9)])
        for i in range(40)
    ]
)
SIZE = DRAWN.n_items + 1


def _asked() -> Questions:
    (asked,) = ask(DRAWN, "next-track", 10**6)
    return asked.questions


def test_they_are_the_best_of_the_first_stage_but_for_the_current_track():
    questions = _asked()
    scores = RNG.normal(size=(len(questions.row), SIZE))
    before = scores.copy()
    found, values = best(questions, scores, 7)
    assert np.array_equal(scores, before)
    for row, current, items, own in zip(scores, questions.current, found, values, strict=True):
        order = [item for item in np.argsort(-row) if item not in (0, current)][:7]
        assert items.tolist() == order
        np.testing.assert_allclose(own, row[order], rtol=1e-5)


def test_a_catalog_smaller_than_the_candidates_gives_all_of_it_and_one_of_one_track_none():
    questions = _asked()
    found, values = best(questions, np.zeros((len(questions.row), SIZE)), 500)
    assert found.shape[1] == DRAWN.n_items
    assert np.array_equal(np.isneginf(values).sum(1), found.shape[1] - (found > 0).sum(1))
    assert (np.isneginf(values).sum(1) == 1).all()  # the current track
    alone = packed([("s", [("a", 1), ("a", 1)])])
    (asked,) = ask(alone, "next-track", 10**6)
    with pytest.raises(ValueError, match="the catalog has one track"):
        best(asked.questions, np.zeros((1, 2)), 5)


def test_a_track_nobody_knows_is_skipped_as_all_are_and_what_is_skipped_more():
    heard, skipped = [("a", 1)] * 90, [("b", 4)] * 10
    found = skip_rates(packed([("s", heard + skipped), ("u", [("c", 0)])], "abc"))
    average = np.log((11 / 102) / (1 - 11 / 102))
    assert found[[0, 3]] == pytest.approx(average, rel=1e-5)
    assert found[1] < average < found[2]
    assert found[2] == pytest.approx(np.log((10 + 110 / 102) / (10 - 110 / 102)), rel=1e-5)
