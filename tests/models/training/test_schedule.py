"""How long and how fast: the learning rate over a run, and schedules that cannot be run."""

import pytest

from models.training.schedule import Schedule, share_of_top


def test_one_cycle_rises_then_falls_to_nothing():
    rates = [share_of_top("one-cycle", position / 100) for position in range(101)]
    top = rates.index(max(rates))
    assert rates[:top] == sorted(rates[:top])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[0] == pytest.approx(0.04)
    assert (rates[top], rates[-1]) == (1, 0)
    assert share_of_top("one-cycle", 1.5) == 0


def test_without_a_number_of_epochs_a_new_model_gets_more_of_them_on_little_data():
    rows = (128_000, 45 * 128, 30 * 128, 1)
    assert [Schedule().from_nothing(n).epochs for n in rows] == [10, 10, 15, 450]
    assert Schedule(epochs=3).from_nothing(1).epochs == 3


def test_a_cosine_only_falls_and_a_constant_stays():
    rates = [share_of_top("cosine", position / 100) for position in range(101)]
    assert rates == sorted(rates, reverse=True)
    assert rates[50] == pytest.approx(0.5)
    assert (rates[0], rates[-1]) == (1, 0)
    assert {share_of_top("constant", position) for position in (0.0, 0.5, 1.0)} == {1.0}


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"epochs": 0}, "epochs"),
        ({"learning_rate": 0.0}, "learning_rate 0.0"),
        ({"seconds": 0.0}, "seconds 0.0"),
        ({"weight_decay": -1.0}, "weight_decay -1.0"),
        ({"betas": (0.9, 1.0)}, "betas"),
        ({"shape": "square"}, "shape 'square': expected one of one-cycle, cosine, constant"),
        ({"select_by": "luck"}, "select_by 'luck': expected one of mrr@20, ndcg@10"),
    ],
)
def test_a_schedule_that_cannot_be_run_is_refused(wrong, named):
    with pytest.raises(ValueError, match=named):
        Schedule(**wrong)
