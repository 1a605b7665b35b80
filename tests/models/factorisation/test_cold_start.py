"""Somebody new names a few tracks."""

import numpy as np
import polars as pl
import pytest

from models.factorisation.cold_start import recommended
from models.factorisation.files import Machine
from models.factorisation.scoring import FmScorer

# Item i as a context points to item i + 1; feature 0 stands for nothing before.
NEXT = np.vstack([np.zeros(4), np.roll(np.eye(4), 1, axis=1)]).astype(np.float32)


def machine(fields=("previous",)) -> Machine:
    weights = np.array([0, 0.1, 0.2, 0.3], np.float32)
    catalog = pl.DataFrame({"track_id": ["a", "b", "c", "d"]})
    return Machine(FmScorer(NEXT, np.eye(4, dtype=np.float32), weights), fields, catalog, {})


def test_what_follows_the_liked_one_is_first_and_the_liked_one_is_not_listed():
    found = recommended(machine(), [0], 10)
    assert [row for row, _ in found] == [1, 3, 2]
    assert found[0][1] == pytest.approx(1.1)


def test_the_answers_for_several_are_averaged_and_one_named_twice_counts_once():
    assert [row for row, _ in recommended(machine(), [0, 1, 1], 1)] == [2]


def test_a_machine_that_knows_users_cannot_be_asked():
    with pytest.raises(ValueError, match="reads user, previous, expected previous alone"):
        recommended(machine(("user", "previous")), [0], 1)


@pytest.mark.parametrize("liked", [[], [0, 1, 2, 3]])
def test_nothing_and_everything_say_too_little(liked):
    with pytest.raises(ValueError, match=f"{len(liked)} of 4 tracks are liked"):
        recommended(machine(), liked, 1)
