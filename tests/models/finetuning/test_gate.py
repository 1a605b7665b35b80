"""The gate: better now, no worse on the old, and never on thin or broken evidence."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from models.finetuning.gate import GateRules, PairedSample, Verdict, improvement_probability, judge

RULES = GateRules(min_targets=1, min_sessions=1, resamples=200)


def sample(champion: list[int], candidate: list[int], per_session: int = 1) -> PairedSample:
    """Score two lists of ranks (0 for a miss), `per_session` targets to a session."""

    def rr(ranks: list[int]) -> NDArray[np.float64]:
        return np.array([1 / rank if 0 < rank <= 20 else 0.0 for rank in ranks])

    def hit(ranks: list[int]) -> NDArray[np.float64]:
        return np.array([float(0 < rank <= 10) for rank in ranks])

    return PairedSample(
        sessions=np.arange(len(champion)) // per_session,
        champion_rr=rr(champion),
        candidate_rr=rr(candidate),
        champion_hit=hit(champion),
        candidate_hit=hit(candidate),
    )


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def test_a_candidate_better_on_every_session_is_accepted():
    verdict = judge(sample([4] * 50, [2] * 50), sample([2] * 50, [2] * 50), RULES, rng())
    assert verdict == Verdict(
        accepted=True,
        reasons=[],
        numbers={
            "window_sessions": 50,
            "window_targets": 50,
            "window_champion_mrr@20": 0.25,
            "window_candidate_mrr@20": 0.5,
            "window_champion_hit_rate@10": 1.0,
            "window_candidate_hit_rate@10": 1.0,
            "anchor_sessions": 50,
            "anchor_targets": 50,
            "anchor_champion_mrr@20": 0.5,
            "anchor_candidate_mrr@20": 0.5,
            "anchor_champion_hit_rate@10": 1.0,
            "anchor_candidate_hit_rate@10": 1.0,
            "improvement_probability": 1.0,
            "anchor_change_mrr@20": 0.0,
            "anchor_change_hit_rate@10": 0.0,
        },
    )


def test_a_gain_that_a_coin_could_have_given_is_refused():
    # 26 sessions gain what 24 lose: better on average, and no evidence.
    window = sample([2] * 26 + [1] * 24, [1] * 26 + [2] * 24)
    verdict = judge(window, sample([2] * 50, [2] * 50), RULES, rng())
    assert window.candidate_rr.mean() > window.champion_rr.mean()
    assert not verdict.accepted
    assert verdict.reasons[0].startswith("no better on the window: mrr@20 0.7600 against 0.7400")


@pytest.mark.parametrize(("lost", "accepted"), [(0, True), (1, True), (2, False)])
def test_a_higher_mrr_pays_for_one_percent_of_the_hits_and_no_more(lost, accepted):
    window = sample([2] * (100 - lost) + [10] * lost, [1] * (100 - lost) + [11] * lost)
    verdict = judge(window, sample([2] * 50, [2] * 50), RULES, rng())
    assert verdict.accepted is accepted
    if not accepted:
        assert verdict.reasons == [
            "fewer hits on the window: hit_rate@10 0.9800 against 1.0000, "
            "expected a loss of at most 1.0%"
        ]


@pytest.mark.parametrize(("lost", "accepted"), [(0, True), (1, True), (2, True), (3, False)])
def test_two_percent_of_the_anchor_may_be_lost_and_no_more(lost, accepted):
    window = sample([4] * 50, [2] * 50)
    anchor = sample([1] * 100, [1] * (100 - lost) + [0] * lost)
    verdict = judge(window, anchor, RULES, rng())
    assert verdict.accepted is accepted
    assert len(verdict.reasons) == (0 if accepted else 2)  # both metrics of the anchor fell


def test_an_anchor_on_which_the_champion_has_no_hit_forgives_no_division():
    verdict = judge(sample([4] * 50, [2] * 50), sample([0] * 50, [0] * 50), RULES, rng())
    assert verdict.accepted
    assert verdict.numbers["anchor_change_mrr@20"] is None


@pytest.mark.parametrize("thin", ["window", "anchor"])
def test_thin_evidence_is_refused_however_good_it_looks(thin):
    rules = GateRules(min_targets=50, min_sessions=20)
    enough, few = sample([4] * 60, [1] * 60), sample([4] * 49, [1] * 49)
    window, anchor = (few, enough) if thin == "window" else (enough, few)
    verdict = judge(window, anchor, rules, rng())
    assert verdict.reasons == [
        f"not enough evidence: {thin} has 49 targets in 49 sessions, expected at least 50 in 20"
    ]
    assert verdict.numbers[f"{thin}_targets"] == 49


def test_many_targets_of_few_sessions_are_thin_evidence():
    rules = GateRules(min_targets=50, min_sessions=20)
    window = sample([4] * 60, [1] * 60, per_session=10)
    assert "60 targets in 6 sessions" in judge(window, window, rules, rng()).reasons[0]


def test_an_empty_window_is_refused():
    verdict = judge(sample([], []), sample([1], [1]), RULES, rng())
    assert not verdict.accepted
    assert verdict.numbers["window_champion_mrr@20"] is None


def test_the_targets_of_a_session_are_drawn_together():
    # One session of 50 gains against nine of one loss: targets say yes, sessions do not.
    window = PairedSample(
        sessions=np.array([0] * 50 + list(range(1, 10))),
        champion_rr=np.array([0.4] * 50 + [1.0] * 9),
        candidate_rr=np.array([0.5] * 50 + [0.5] * 9),
        champion_hit=np.ones(59),
        candidate_hit=np.ones(59),
    )
    # The gaining session is left out of a resample with probability (9/10)^10 = .35.
    probability = improvement_probability(window, 4000, rng())
    assert 0.6 < probability < 0.7


def test_the_same_seed_gives_the_same_verdict():
    window = sample([3, 1, 2] * 20, [2, 2, 1] * 20)
    verdicts = [judge(window, window, RULES, rng()) for _ in range(2)]
    assert verdicts[0] == verdicts[1]


@pytest.mark.parametrize(
    "wrong",
    [
        {"improvement_probability": 0.4},
        {"improvement_probability": 1.0},
        {"improvement_probability": math.nan},
        {"hit_loss": 1},
        {"anchor_loss": -0.1},
        {"anchor_loss": 2},
        {"min_targets": 0},
    ],
)
def test_rules_that_cannot_be_meant_are_misuse(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        GateRules(**wrong)


def test_arrays_of_different_targets_are_misuse():
    with pytest.raises(ValueError, match=r"expected one-dimensional arrays of \(2,\)"):
        PairedSample(
            sessions=np.arange(2),
            champion_rr=np.ones(2),
            candidate_rr=np.ones(3),
            champion_hit=np.ones(2),
            candidate_hit=np.ones(2),
        )


ranks = st.lists(st.integers(0, 30), min_size=1, max_size=60)


@given(ranks, ranks, st.integers(1, 5))
def test_a_candidate_equal_to_the_champion_is_never_accepted(window, anchor, per_session):
    verdict = judge(
        sample(window, window, per_session), sample(anchor, anchor, per_session), RULES, rng()
    )
    assert not verdict.accepted
    assert verdict.numbers["improvement_probability"] == 0


@given(ranks, st.data())
def test_a_candidate_worse_everywhere_is_never_accepted(champion, data):
    worse = [
        0 if rank == 0 else rank + data.draw(st.integers(0, 20), label="lost ranks")
        for rank in champion
    ]
    assert not judge(sample(champion, worse), sample([1], [1]), RULES, rng()).accepted


@given(
    st.sampled_from(["window", "anchor"]),
    st.sampled_from(["champion_rr", "candidate_rr", "champion_hit", "candidate_hit"]),
    st.integers(0, 39),
    st.sampled_from([math.nan, math.inf, -math.inf]),
)
def test_one_number_that_is_not_finite_is_never_accepted(which, name, index, value):
    samples = {"window": sample([4] * 40, [1] * 40), "anchor": sample([2] * 40, [1] * 40)}
    assert judge(samples["window"], samples["anchor"], RULES, rng()).accepted
    getattr(samples[which], name)[index] = value
    verdict = judge(samples["window"], samples["anchor"], RULES, rng())
    assert verdict.reasons == [f"{which} holds 1 scores that are not finite"]
    assert all(number is None or math.isfinite(number) for number in verdict.numbers.values())


@given(arrays(np.float64, 40, elements=st.floats(-1, 1)))
def test_probabilities_of_a_candidate_and_its_mirror_image_do_not_exceed_one(gains):
    def paired(gain: NDArray[np.float64]) -> PairedSample:
        return PairedSample(
            sessions=np.arange(40),
            champion_rr=np.zeros(40),
            candidate_rr=gain,
            champion_hit=np.zeros(40),
            candidate_hit=np.zeros(40),
        )

    forth = improvement_probability(paired(gains), 100, rng())
    back = improvement_probability(paired(-gains), 100, rng())
    assert 0 <= forth + back <= 1
