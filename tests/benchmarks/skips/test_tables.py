"""Differences are paired and by session, and a bar is met or not by what they say."""

from collections.abc import Sequence

import numpy as np
import pytest

from benchmarks.skips.rows import Answers
from benchmarks.skips.suite import Bar, Row, Suite
from benchmarks.skips.tables import differences, markdown, records, verdicts
from models.evaluation.evaluation import Evaluation
from models.training.schedule import Schedule

SUITE = Suite(
    title="two rows",
    data="simulated",
    rows=(Row(name="plain"), Row(name="told")),
    pairs=(("told", "plain"),),
    schedule=Schedule(epochs=1),
    seeds=(0, 1),
)


def answers(model: str, ranks: Sequence[int], won: Sequence[float]) -> Answers:
    """Two questions about each of some sessions; the second target was skipped."""
    n = len(ranks)
    sessions = np.arange(n) // 2
    evaluation = Evaluation(
        model=model,
        session=sessions,
        heard=np.arange(n) % 2 == 0,
        ranks=np.array(ranks),
        won=np.array(won),
        pairs=np.full(n, 2),
    )
    context = np.array(["radio", ""])[(sessions > 0).astype(int)]
    return Answers(evaluation, context, {"seconds": 1.0, "epochs": 1})


KEPT = {
    "plain": [answers("plain", [20, 1, 20, 1], [1, 1, 1, 1])] * 2,
    "told": [answers("told", [2, 1, 4, 30], [2, 2, 1, 1]), answers("told", [2, 1, 4, 30], [1] * 4)],
}


def test_figures_of_heard_targets_leave_the_skipped_out():
    found = {(row["model"], row["seed"]): row["metrics"] for row in records(SUITE, KEPT)}
    assert found["told", 0]["heard_mrr@20"] == pytest.approx((1 / 2 + 1 / 4) / 2)
    assert found["told", 0]["skip_auc"] == pytest.approx(6 / 8)
    assert found["plain", 1]["heard_hit_rate@10"] == 0


def test_figures_by_context_are_of_its_sessions_alone():
    found = {row["model"]: row["contexts"] for row in records(SUITE, KEPT)}
    assert set(found["told"]) == {"radio"}
    assert found["told"]["radio"]["heard_mrr@20"] == 0.5


def test_a_difference_has_its_interval_its_share_and_each_seeds_part():
    found = {one["metric"]: one for one in differences(SUITE, KEPT)}
    auc = found["skip_auc"]
    assert (auc["a"], auc["b"], auc["seeds"]) == ("told", "plain", [0.25, 0.0])
    assert auc["difference"] == pytest.approx(0.125)
    assert auc["relative"] == pytest.approx(0.25)
    assert auc["interval95"][0] <= 0.125 <= auc["interval95"][1]
    assert found["heard_hit_rate@10"]["interval95"] == [1, 1]


def test_bars_are_met_by_every_seed_or_by_the_interval():
    found = differences(SUITE, KEPT)
    bars = (
        Bar(metric="skip_auc", every_seed=True),
        Bar(metric="heard_hit_rate@10"),
        Bar(metric="mrr@20", above=-0.01),
    )
    assert [verdict["met"] for verdict in verdicts(bars, found)] == [False, True, False]
    assert str(bars[2]) == "mrr@20: interval above -1%"


def test_the_table_shows_every_row_every_pair_and_the_contexts():
    result = {
        "command": ["segue", "bench", "skips"],
        "commit": "abc",
        "machine": {"processor": "some"},
        "date": "2026-01-01T00:00:00",
        "data": {"name": "mine", "simulated": True},
        "rows": records(SUITE, KEPT),
        "comparisons": differences(SUITE, KEPT),
        "verdicts": verdicts((Bar(metric="heard_hit_rate@10"),), differences(SUITE, KEPT)),
    }
    table = markdown(SUITE, result)
    assert "mine (simulated)" in table
    assert "| told − plain |" in table
    assert "heard_hit_rate@10: interval above 0%: yes" in table
    assert "by context | radio |" in table
