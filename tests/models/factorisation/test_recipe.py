"""From data to a machine that says what it is and how good."""

from dataclasses import replace

import numpy as np

from models.data.sources import open_source
from models.factorisation.interactions import interactions
from models.factorisation.recipe import FmRecipe
from models.factorisation.training import FmSchedule
from tests.films import write_films


def test_a_machine_has_the_whole_catalog_its_titles_and_its_figures(tmp_path):
    recipe = FmRecipe(
        fields=("user", "hour"), machine={"width": 4}, schedule=FmSchedule(epochs=2, rate=0.05)
    )
    told = []
    data = recipe.read(open_source(write_films(tmp_path)))
    machine = recipe.made(data, 0, lambda epoch, loss, model: told.append(epoch))
    assert told == [1, 2]
    assert machine.fields == ("user", "hour")
    assert machine.scorer.items.shape == (150, 4)
    assert machine.scorer.features.shape == (60 + 24, 4)
    assert machine.catalog["title"].null_count() == 0
    assert machine.about["simulated"] is False
    assert machine.about["schedule"]["epochs"] == 2
    assert set(machine.about["figures"]) >= {"sampled_hit_rate@10", "new_ndcg@10"}


def test_members_have_seeds_that_no_other_run_has_and_their_epochs_are_counted_on(tmp_path):
    train, _ = interactions(open_source(write_films(tmp_path)).frame()).held_out()
    one = FmRecipe(fields=("user",), machine={"width": 4}, schedule=FmSchedule(epochs=2))
    two, told = replace(one, members=2), []
    alone = [one.fitted(train, seed, lambda *at: None).items for seed in range(4)]
    for seed in range(2):
        joined = two.fitted(train, seed, lambda epoch, *at: told.append(epoch)).items
        np.testing.assert_array_equal(joined, np.hstack(alone[2 * seed : 2 * seed + 2]))
    assert told == [1, 2, 3, 4] * 2
