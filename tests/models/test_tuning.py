"""A search begins at what was given, goes on after a stop, and never gives a worse validation."""

import math
from dataclasses import replace

import pytest

from models.configuration import Configuration
from models.losses.loss import LossConfig
from models.search_space import Between, Choice, Space
from models.training.schedule import Schedule
from models.tuning import Search, Tried, best
from tests.models.training.test_train import TRAIN, VALID, walks

BASE = Configuration(
    architecture="sasrec",
    sizes={"length": 6, "width": 16, "heads": 2, "blocks": 1},
    loss=LossConfig(),
    schedule=Schedule(epochs=4, batch=16, learning_rate=1e-2),
)
SPACE: Space = {
    "schedule.learning_rate": Between(1e-5, 1e-1, log=True),
    "model.heads": Choice((1, 2, 4)),
}


@pytest.fixture
def search(tmp_path):
    return Search(TRAIN, VALID, BASE, SPACE, tmp_path / "new" / "study.db", seed=1)


def test_the_first_trial_is_the_base_and_the_best_is_not_worse(search):
    told: list[Tried] = []
    tried = search.run(6, ended=told.append)
    assert told == tried
    assert [trial.trial for trial in tried] == [1, 2, 3, 4, 5, 6]
    assert tried[0].values == {"schedule.learning_rate": 1e-2, "model.heads": 2}
    winner = best(tried)
    assert (winner.valid or 0) >= (tried[0].valid or 0)
    found = search.configured(winner)
    assert found.schedule.learning_rate == winner.values["schedule.learning_rate"]
    assert (found.schedule.epochs, found.model(12).width) == (4, 16)
    assert len({trial.values["schedule.learning_rate"] for trial in tried}) == 6


def test_a_search_that_was_killed_goes_on_and_tries_the_same_again(search):
    def stop(trying):
        if trying.trial == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search.run(3, progress=stop)
    tried = search.run(3)
    assert [trial.trial for trial in tried] == [1, 3, 4]
    assert len(search.run(3)) == 3  # nothing is left to do


def test_a_hopeless_trial_is_pruned(search):
    """After five trials at a good rate, one that learns next to nothing ends before its time."""
    search.run(1)
    study = search.opened()
    for rate in (1e-2, 1.1e-2, 0.9e-2, 1.2e-2, 1e-5):
        study.enqueue_trial({"schedule.learning_rate": rate, "model.heads": 2})
    last = search.run(6)[-1]
    assert last.values["schedule.learning_rate"] == 1e-5
    assert (last.state, last.epochs) == ("pruned", 2)


def test_time_ends_a_search_in_the_middle_of_a_trial(search):
    ticks = iter(range(10_000))
    tried = search.run(99, 30, clock=lambda: float(next(ticks)))
    assert 1 <= len(tried) < 10
    assert tried[-1].state == "pruned"


def test_a_loss_that_is_no_number_fails_the_trial_and_not_the_search(search):
    wild = replace(search, space={"schedule.clip": Choice((5.0,))})
    wild = replace(
        wild, base=replace(BASE, schedule=replace(BASE.schedule, learning_rate=1e30, epochs=1))
    )
    (tried,) = wild.run(1)
    assert tried.state == "failed"
    with pytest.raises(ValueError, match="none of 1 trials was trained to its end"):
        best([tried])


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"sessions": walks(60, 1, 9)}, "data"),
        ({"seed": 2}, "seed"),
        ({"base": replace(BASE, sizes={**BASE.sizes, "length": 5})}, "fixed configuration"),
        ({"space": SPACE | {"model.dropout": Between(0, 0.5)}}, "space"),
    ],
)
def test_a_study_of_another_search_is_refused(search, changed, named):
    search.run(0)
    with pytest.raises(ValueError, match=f"holds a search with another .*{named}"):
        replace(search, **changed).run(1)
    assert search.run(0, math.inf) == []
