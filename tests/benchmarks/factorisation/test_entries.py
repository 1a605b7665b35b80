"""An entry: a sum of machines is one machine, and each of its seeds has machines of its own."""

from dataclasses import replace

import numpy as np

from benchmarks.factorisation.entries import FOUR, SUBJECTS, Entry, summed
from models.data.listeners import Listeners
from models.data.simulated import simulate
from models.factorisation.interactions import Interactions, interactions
from models.factorisation.scoring import Floats, FmScorer
from models.factorisation.training import FmSchedule


def scorer(seed: int) -> FmScorer:
    rng = np.random.default_rng(seed)
    shapes = (9, 4), (6, 4), (6,)
    return FmScorer(*(rng.normal(size=shape).astype(np.float32) for shape in shapes))


def embedded(entry: Entry, train: Interactions, seed: int) -> Floats:
    fitted = entry.fit(train, seed, lambda epoch, loss, model: None)
    assert isinstance(fitted, FmScorer)
    return fitted.items


def test_a_sum_of_machines_scores_what_they_score_together():
    machines = [scorer(seed) for seed in range(3)]
    features, users = np.array([[0, 3], [2, 8]]), np.array([0, 1])
    together = sum(each.scores(features, users) for each in machines)
    np.testing.assert_allclose(
        summed(machines).scores(features, users), together, rtol=1e-5, atol=1e-6
    )


def test_members_have_seeds_that_no_other_run_has():
    frame = simulate(Listeners(sessions=40, tracks=120), np.random.default_rng(0))
    train, _ = interactions(frame, ("user",)).held_out(1)
    one = Entry(name="fm", machine={"width": 4}, schedule=FmSchedule(epochs=1))
    two = replace(one, members=2)
    alone = [embedded(one, train, seed) for seed in range(4)]
    for seed in range(2):
        joined = np.hstack(alone[2 * seed : 2 * seed + 2])
        np.testing.assert_array_equal(embedded(two, train, seed), joined)


def test_only_a_sum_says_how_many_it_is_of():
    entries = {entry.name: entry for entry in SUBJECTS["ml-100k"].entries}
    name = "fm-gcn-att+previous"
    assert "members" not in entries[name].record()
    assert entries[FOUR + name].record() == {
        **entries[name].record(), "name": FOUR + name, "members": 4,
    }  # fmt: skip
