"""Differences: paired by question, by session, over the seeds, and of what there is."""

import numpy as np
import pytest

from benchmarks.quality.comparisons import METRICS, comparisons
from benchmarks.quality.outcome import Answers, Outcome
from models.evaluation.evaluation import Evaluation
from models.questions import ProtocolName

SESSIONS = np.repeat(np.arange(50), 4)


def outcome(model, ranks, *, kind="model", seed=0, **more) -> Outcome:
    n = len(ranks)
    evaluation = Evaluation(model, SESSIONS[:n], np.arange(n) % 2 == 0, ranks, **more)
    answers: dict[ProtocolName, Answers] = {
        "next-track": Answers.of(evaluation, np.arange(n) % 4 == 0)
    }
    return Outcome(model, kind, "ce", seed, 1.0, [2.0], [0.3], "abc", answers)


def ranks(seed: int, share: float) -> np.ndarray:
    return np.where(np.random.default_rng(seed).random(200) < share, 1, 30)


def found(outcomes, metric: str, *, same_test: bool = False):
    return {
        (row["a"], row["b"]): row for row in comparisons(outcomes, [metric], same_test=same_test)
    }


def test_models_meet_every_baseline_and_each_other_and_baselines_do_not():
    outcomes = [
        outcome("popularity", ranks(0, 0.1), kind="baseline"),
        outcome("markov", ranks(1, 0.3), kind="baseline"),
        outcome("first", ranks(2, 0.5)),
        outcome("second", ranks(3, 0.5)),
    ]
    pairs = found(outcomes, "mrr@20")
    assert set(pairs) == {
        ("first", "popularity"), ("first", "markov"),
        ("second", "popularity"), ("second", "markov"), ("second", "first"),
    }  # fmt: skip
    row = pairs["first", "popularity"]
    low, high = row["interval95"]
    assert 0 < low < row["difference"] < high
    assert row["protocol"] == "next-track"


def test_a_difference_is_that_of_the_figures_of_the_rows():
    ours, theirs = outcome("a", ranks(4, 0.6)), outcome("b", ranks(5, 0.4))
    for metric in ("hit_rate@1", "mrr@20", "ndcg@10", "heard_mrr@20", "novel_hit_rate@10"):
        row = found([theirs, ours], metric)["a", "b"]
        mine, other = (o.answers["next-track"].metrics[metric] for o in (ours, theirs))
        assert mine is not None
        assert other is not None
        assert row["difference"] == pytest.approx(mine - other, abs=2e-6)


def test_the_skip_auc_differs_by_its_pairs():
    pairs = np.full(200, 4)
    ours = outcome("a", ranks(4, 0.6), won=np.full(200, 3.0), pairs=pairs)
    theirs = outcome("b", ranks(5, 0.4), won=np.full(200, 2.0), pairs=pairs)
    row = found([theirs, ours], "skip_auc")["a", "b"]
    assert (row["difference"], row["interval95"]) == (0.25, [0.25, 0.25])


def test_what_a_protocol_does_not_have_is_not_compared():
    rows = comparisons(
        [outcome("a", ranks(4, 0.6)), outcome("b", ranks(5, 0.4))], [*METRICS], same_test=False
    )
    assert not {"skip_auc", "sampled_hit_rate@10"} & {row["metric"] for row in rows}


def test_the_same_sessions_asked_by_every_seed_are_no_more_sessions():
    """Two seeds that answer alike on one test tell no more than one: the interval stays as wide."""
    pair = [outcome("b", ranks(5, 0.4)), outcome("a", ranks(4, 0.6))]
    twice = [*pair, outcome("b", ranks(5, 0.4), seed=1), outcome("a", ranks(4, 0.6), seed=1)]
    one = found(pair, "mrr@20")["a", "b"]["interval95"]
    same = found(twice, "mrr@20", same_test=True)["a", "b"]["interval95"]
    other = found(twice, "mrr@20", same_test=False)["a", "b"]["interval95"]
    assert same == pytest.approx(one, abs=1e-5)
    assert other[1] - other[0] < 0.85 * (one[1] - one[0])
