"""A candidate is the champion, grown and taught; both are asked exactly the same questions."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from models.counting.markov import step_counts
from models.encoders.sasrec import SASRec, SASRecConfig
from models.finetuning.trial import Contender, TrialConfig, candidate, compare
from models.hybrid import Counted, HybridConfig
from models.losses.loss import LossConfig
from models.sessions import Sessions, packed
from models.training.schedule import Schedule
from tests.bundles import tiny_second_stage

CONFIG = TrialConfig(
    schedule=Schedule(learning_rate=5e-3, batch=8), steps=20, passes=5, min_count=2
)


def listening(*sessions: str) -> Sessions:
    """One letter a track; a capital was skipped at once."""
    return packed(
        [
            (str(i), [(t.lower(), 4 if t.isupper() else 1) for t in s])
            for i, s in enumerate(sessions)
        ]
    )


def champion(tracks: str = "abcd") -> Contender:
    torch.manual_seed(0)
    config = SASRecConfig(items=len(tracks), length=6, width=8, blocks=1, heads=2, dropout=0.0)
    counts = np.array([0, *range(len(tracks), 0, -1)], dtype=np.int64)
    return Contender(SASRec(config).eval(), tuple(tracks), counts)


LEARN = listening(*["abcd", "azcz", "bzdA", "dcba"] * 4)
REPLAY = listening(*["abcd", "dcba"] * 4)


def test_a_candidate_knows_the_new_tracks_and_counts_their_plays():
    made, trained = candidate(champion(), LEARN, REPLAY, CONFIG, seed=0)
    assert made.track_ids == ("a", "b", "c", "d", "z")
    assert made.counts.tolist() == [0, 4 + 16, 3 + 12, 2 + 12, 1 + 12, 12]
    assert made.model.item_embedding.weight.shape == (6, 8)
    assert len(trained.losses) == 5


def test_a_hybrid_candidate_has_counted_the_window_too_and_keeps_its_weight():
    plain = champion()
    counted = Counted.of(REPLAY.reindexed(plain.track_ids), HybridConfig(weight=0.4))
    made, _ = candidate(plain._replace(counted=counted), LEARN, REPLAY, CONFIG, seed=0)
    assert made.counted is not None
    assert made.counted.weight == 0.4
    learned = counted.steps.weights.sum() + step_counts(LEARN, counted.config.markov).weights.sum()
    assert made.counted.steps.weights.sum() == pytest.approx(learned)
    alone, both = made._replace(counted=None), made
    found = compare(alone, both, LEARN)
    assert found.candidate_rr.mean() > found.champion_rr.mean()


def test_a_second_stage_ranks_for_champion_and_candidate_as_it_was_fitted():
    plain = champion()
    two = plain._replace(second_stage=tiny_second_stage(len(plain.track_ids)))
    made, _ = candidate(two, LEARN, REPLAY, CONFIG, seed=0)
    assert made.second_stage is two.second_stage
    served, alone = (
        compare(two, made, LEARN),
        compare(plain, made._replace(second_stage=None), LEARN),
    )
    assert served.champion_rr.tolist() != alone.champion_rr.tolist()
    assert served.candidate_rr.tolist() != alone.candidate_rr.tolist()


def test_the_champion_is_left_as_it_was():
    before = champion()
    weights = {name: w.clone() for name, w in before.model.state_dict().items()}
    candidate(before, LEARN, REPLAY, CONFIG, seed=0)
    assert all(torch.equal(w, weights[name]) for name, w in before.model.state_dict().items())


def test_the_same_seed_makes_the_same_candidate():
    one, two = (candidate(champion(), LEARN, REPLAY, CONFIG, seed=1)[0] for _ in range(2))
    assert torch.equal(one.model.item_embedding.weight, two.model.item_embedding.weight)


@pytest.mark.parametrize(
    ("sessions", "passes"),
    [(4, 5), (16, 5), (20, 4), (400, 2)],  # 4 new rows a step at most: 80 in 20 steps
)
def test_a_window_is_gone_through_a_few_times_and_a_large_one_less_often(sessions, passes):
    learn = listening(*["abcd"] * sessions)
    assert len(candidate(champion(), learn, REPLAY, CONFIG, seed=0)[1].losses) == passes


def test_a_rate_that_blows_the_weights_up_is_a_failed_training():
    schedule = replace(CONFIG.schedule, learning_rate=1e38)
    with pytest.raises(FloatingPointError):
        candidate(champion(), LEARN, REPLAY, replace(CONFIG, schedule=schedule), seed=0)


def test_a_model_compared_with_itself_differs_nowhere():
    same = champion()
    sample = compare(same, same, LEARN)
    assert len(sample.sessions) == int((LEARN.lengths - 1).sum())
    assert np.array_equal(sample.champion_rr, sample.candidate_rr)
    assert np.array_equal(sample.champion_hit, sample.candidate_hit)


def test_no_sessions_make_an_empty_sample_not_an_error():
    assert compare(champion(), champion(), packed([])).sessions.size == 0


def test_a_track_that_only_the_candidate_knows_is_a_miss_for_the_champion():
    made, _ = candidate(champion(), LEARN, REPLAY, CONFIG, seed=0)
    sample = compare(champion(), made, listening("az", "bz", "cz"))
    assert sample.champion_rr.tolist() == [0, 0, 0]
    assert (sample.candidate_rr > 0).all()
    assert sample.champion_hit.tolist() == [0, 0, 0]


def test_a_model_without_finite_answers_has_no_hits():
    broken = champion()
    with torch.no_grad():
        broken.model.get_parameter("projection.weight").fill_(torch.nan)
    sample = compare(champion(), broken, LEARN)
    assert sample.candidate_rr.sum() == 0
    assert np.isfinite(sample.candidate_rr).all()


def test_by_default_skips_are_learned_from():
    assert TrialConfig().loss == LossConfig(name="skip-contrastive")
