"""A second stage begins as the first, learns what that cannot know, and moves candidates alone."""

import numpy as np
import pytest
import torch

from models.counting.baselines import MostPopular
from models.evaluation.evaluate import evaluate
from models.questions import ask
from models.second_stage import rerank
from models.second_stage.candidates import CONTEXT, FEATURES, Describer
from models.second_stage.lessons import Lessons, lessons
from models.second_stage.rerank import RerankConfig, Reranker, TwoStage, two_stages
from models.sessions import Sessions, packed

SMALL = RerankConfig(candidates=20, width=16, epochs=3, batch=32, learning_rate=0.01)


def _wandering(count: int, seed: int) -> Sessions:
    """Every third track is the one before the last again: popularity cannot know that."""
    rng = np.random.default_rng(seed)
    sessions = []
    for i in range(count):
        tracks: list[int] = []
        for j in range(12):
            tracks.append(tracks[-2] if j % 3 == 2 else int(rng.integers(30)))
        sessions.append((f"{seed}-{i}", [(f"t{t:02}", int(rng.choice([1, 4]))) for t in tracks]))
    return packed(sessions, [f"t{t:02}" for t in range(30)])


TRAIN, VALID, TEST = _wandering(60, 0), _wandering(40, 1), _wandering(20, 2)
FIRST = MostPopular.fit(TRAIN)


def test_before_it_learns_the_order_is_that_of_the_first_stage():
    (asked, *_) = ask(TEST, "next-track", 10**6)
    model = Reranker(8, 0.0).eval()
    found = TwoStage(FIRST, Describer(TRAIN), model, 10, "two").scores(asked.questions)
    plain = FIRST.scores(asked.questions)
    rows = np.arange(len(found))
    for scores in (found, plain):
        scores[rows, asked.questions.current] = -np.inf
    assert np.array_equal(np.argsort(-found[:, 1:]), np.argsort(-plain[:, 1:]))


def test_it_moves_candidates_alone_and_none_of_them_below_the_others():
    (asked, *_) = ask(TEST, "next-track", 10**6)
    torch.manual_seed(0)
    model = Reranker(8, 0.0).eval()
    torch.nn.init.normal_(model.linear.weight)
    describer = Describer(TRAIN)
    found = TwoStage(FIRST, describer, model, 10, "two").scores(asked.questions)
    plain = FIRST.scores(asked.questions)
    items = describer.describe(asked.questions, plain, 10).items
    moved = np.zeros(found.shape, bool)
    np.put_along_axis(moved, items, True, axis=1)
    moved[np.arange(len(found)), asked.questions.current] = True  # is masked, whatever it has
    assert np.array_equal(found[~moved], plain[~moved])
    lowest = np.take_along_axis(found, items, axis=1).min(axis=1)
    moved[:, 0] = True
    assert (lowest > np.where(moved, -np.inf, found).max(axis=1)).all()
    assert not np.array_equal(found, plain)


def test_it_learns_what_the_first_stage_cannot_know_the_same_from_the_same_seed():
    said: list[str] = []
    twice = [
        two_stages(FIRST, TRAIN, VALID, SMALL, seed=seed, say=said.append) for seed in (0, 0, 1)
    ]
    plays = TRAIN.counts()
    plain, one, same, other = evaluate([FIRST, *twice], TEST, plays)
    figures = [found.metrics()["mrr@20"] or 0 for found in (plain, one, other)]
    assert min(figures[1:]) > figures[0] + 0.1
    assert np.array_equal(one.ranks, same.ranks)
    assert not np.array_equal(one.ranks, other.ranks)
    assert sum("epoch" in line for line in said) == 3 * SMALL.epochs


def test_what_chooses_the_epoch_is_what_evaluation_says():
    describer = Describer(TRAIN)
    model = Reranker(8, 0.0).eval()
    torch.nn.init.normal_(model.linear.weight)
    asked = lessons(FIRST, describer, VALID, "next-track", candidates=20, questions=10**6, seed=0)
    (found,) = evaluate([TwoStage(FIRST, describer, model, 20, "two")], VALID, TRAIN.counts())
    figures = found.metrics()
    wanted = (figures["mrr@20"] or 0) + (figures["hit_rate@10"] or 0)
    assert rerank.worth(model, asked) == pytest.approx(wanted)


def test_skipped_tracks_above_heard_ones_cost_more_with_the_weight_of_skips():
    parts = {
        "scores": torch.tensor([[2.0, 1.0, 0.0]]),
        "features": torch.zeros(1, 3, FEATURES),
        "context": torch.zeros(1, CONTEXT),
        "target": torch.tensor([0]),
        "heard": torch.tensor([[False, True, True]]),
        "skipped": torch.tensor([[True, False, False]]),
    }
    right, wrong = (
        Lessons(**parts, following=torch.tensor([following]))
        for following in ([2, 0, -1], [0, 2, -1])
    )
    model = Reranker(4, 0.0).eval()
    assert rerank.loss(model, right, 0.0) == rerank.loss(model, wrong, 0.0)
    gap = rerank.loss(model, wrong, 0.5) - rerank.loss(model, right, 0.5)
    assert gap.item() == pytest.approx(0.5 * 2.0, rel=1e-5)  # softplus(2) - softplus(-2) is 2


@pytest.mark.parametrize(
    "given", [{"candidates": 19}, {"width": 0}, {"epochs": 0}, {"skips": -1.0}, {"dropout": 1.0},
              {"learning_rate": 0.0}]
)  # fmt: skip
def test_what_cannot_be_fitted_is_refused(given):
    with pytest.raises(ValueError, match="must be"):
        RerankConfig(**given)
