"""Every baseline answers every question of a table."""

import numpy as np
import pytest

from models.counting.standard import BASELINES, standard_baselines
from models.evaluation.evaluate import evaluate
from models.sessions import packed

WALKS = packed([(f"s{i}", [(f"t{(i + j) % 9}", 1) for j in range(4 + i % 3)]) for i in range(30)])


def test_all_have_the_names_of_their_rows():
    assert [ranker.name for ranker in standard_baselines(WALKS)] == list(BASELINES)


@pytest.mark.parametrize("name", BASELINES)
def test_unknown_tracks_and_sessions_of_one_track_are_no_trouble(name):
    asked = packed([("a", [("t1", 1)]), ("b", [("new", 1), ("t3", 2), ("t4", 1)])], WALKS.track_ids)
    (found,) = evaluate([BASELINES[name](WALKS)], asked, WALKS.counts())
    assert len(found.ranks) == 2
    assert found.ranks[1] <= WALKS.n_items


@pytest.mark.parametrize("name", [name for name in BASELINES if name != "popularity"])
def test_what_counts_beats_popularity_where_order_is_all(name):
    popular, counted = evaluate(
        [BASELINES["popularity"](WALKS), BASELINES[name](WALKS)], WALKS, WALKS.counts()
    )
    assert np.mean(1 / counted.ranks) > np.mean(1 / popular.ranks)
