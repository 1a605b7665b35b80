"""A hybrid adds its counts to a network's scores, keeps counting, and chooses what they weigh."""

import numpy as np
import pytest

from export.blend import Blend
from models.counting.markov import MarkovConfig, step_counts
from models.evaluation.evaluate import evaluate
from models.hybrid import Counted, HybridConfig, HybridRanker, LogShares, chosen_weight
from models.questions import Bools, Floats, Questions, ask
from models.sessions import joined, packed

WALKS = packed(
    [(f"s{i}", [(f"t{(3 * i + j * (1 + i % 2)) % 12}", 1) for j in range(6)]) for i in range(40)]
)
PLAYS = WALKS.counts()


class Constant:
    """A network that scores the same whatever it is asked."""

    name = "constant"
    listed: int | None = None

    def __init__(self, seed: int = 0) -> None:
        self.n_items = WALKS.n_items
        self._row = np.random.default_rng(seed).normal(size=self.n_items + 1).astype(np.float32)
        self.asked = 0

    def scores(self, questions: Questions, allowed: Bools | None = None) -> Floats:
        self.asked += 1
        return np.tile(self._row, (len(questions.row), 1))


def test_it_ranks_as_the_blend_is_defined():
    counts = Counted.of(WALKS, HybridConfig()).shares(PLAYS)
    (asked,) = ask(WALKS.select(range(8)), "next-track", 10**6)
    network = Constant()
    found = HybridRanker(network, LogShares(counts, WALKS.n_items), 0.7).scores(asked.questions)
    histories = [
        [(item, 1) for item in asked.questions.items[row, :depth].tolist()]
        for row, depth in zip(asked.questions.row, asked.questions.depth, strict=True)
    ]
    expected = Blend(counts, 0.7).scores(network.scores(asked.questions), histories)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_shares_are_over_the_floor_and_reach_one_at_most():
    config = HybridConfig(markov=MarkovConfig(smoothing=0.0, near=0.5), floor=0.01)
    counts = Counted.of(WALKS, config).shares(PLAYS)
    assert counts.lags is not None
    totals: dict[tuple[int, int], float] = {}
    for lag, source, weight in zip(counts.lags, counts.sources, counts.weights, strict=True):
        totals[lag, source] = totals.get((lag, source), 0) + weight
    decays = config.markov.decays
    for (lag, _), total in totals.items():
        worth = decays[lag - 1] if lag else 0.5
        assert total == pytest.approx(100 * worth / sum(decays), rel=1e-4)


def test_what_is_learned_in_two_parts_is_what_is_learned_at_once():
    parts = WALKS.select(range(25)), WALKS.select(range(25, 40))
    whole = Counted.of(joined(parts), HybridConfig()).steps
    again = Counted.of(parts[0], HybridConfig()).learned(parts[1]).steps
    for name in ("lags", "sources", "targets"):
        assert getattr(again, name).tolist() == getattr(whole, name).tolist()
    np.testing.assert_allclose(again.weights, whole.weights, rtol=1e-6)


def test_new_tracks_of_a_grown_catalog_are_counted_beside_the_old():
    grown = (*WALKS.track_ids, "new")
    more = packed([("n", [("t1", 1), ("new", 1)])], grown)
    steps = Counted.of(WALKS, HybridConfig()).learned(more).steps
    assert steps.largest_item == len(grown)
    alone = step_counts(WALKS, HybridConfig().markov)
    assert steps.weights.sum() == pytest.approx(alone.weights.sum() + 1 + 2)  # a step, and near


def test_the_weight_is_the_one_that_ranks_the_validation_sessions_best():
    network, counts = Constant(), Counted.of(WALKS, HybridConfig()).shares(PLAYS)
    weights = (0.01, 0.5)
    figures = []
    for weight in weights:
        found = evaluate(
            [HybridRanker(network, LogShares(counts, WALKS.n_items), weight)], WALKS, PLAYS
        )[0].metrics()
        figures.append((found["mrr@20"] or 0) + (found["hit_rate@10"] or 0))
    assert figures[1] > figures[0]
    asked = network.asked
    assert chosen_weight(network, counts, WALKS, PLAYS, weights) == 0.5
    assert network.asked == asked + 1  # once for all weights
    counted = Counted.of(WALKS, HybridConfig())
    assert counted.weighed(network, WALKS, PLAYS).weight > 0.1
    assert Counted.of(WALKS, HybridConfig(weight=2.0)).weighed(network, WALKS, PLAYS).weight == 2.0
    with pytest.raises(ValueError, match="not chosen yet"):
        _ = counted.weight


def test_a_bundle_keeps_the_heaviest_targets_of_each_lag_and_source():
    whole = Counted.of(WALKS, HybridConfig(most=99)).shares(PLAYS)
    kept = Counted.of(WALKS, HybridConfig(most=2)).shares(PLAYS)
    rows: dict[tuple[int, int], list[float]] = {}
    assert whole.lags is not None
    assert kept.lags is not None
    for lag, source, weight in zip(whole.lags, whole.sources, whole.weights, strict=True):
        rows.setdefault((lag, source), []).append(weight)
    for lag, source, weight in zip(kept.lags, kept.sources, kept.weights, strict=True):
        assert weight in sorted(rows[lag, source])[-2:]
    assert len(kept.weights) == sum(min(2, len(row)) for row in rows.values())


@pytest.mark.parametrize("wrong", [{"floor": 0.0}, {"weight": 0.0}, {"most": 0}])
def test_what_would_count_for_nothing_is_refused(wrong):
    with pytest.raises(ValueError, match="must be above 0"):
        HybridConfig(**wrong)
