"""A second stage begins as the first, learns what that cannot know, and moves candidates alone."""

from typing import Any

import numpy as np
import pytest
import torch

from models.counting.baselines import MostPopular
from models.counting.ngrams import continuations
from models.evaluation.evaluate import evaluate
from models.questions import ask
from models.second_stage import rerank
from models.second_stage.candidates import best, skip_rates
from models.second_stage.lessons import lessons
from models.second_stage.rerank import RerankConfig, Reranker
from models.second_stage.two_stages import Fitted, TwoStage, second_stage, served_behind

from .wandering import wandering

SMALL = RerankConfig(candidates=20, width=16, epochs=3, batch=32, learning_rate=0.01)
TRAIN, VALID, TEST = wandering(60, 0), wandering(40, 1), wandering(20, 2)
FIRST = MostPopular.fit(TRAIN)
PLAYS = TRAIN.counts()


def behind(model: Reranker, candidates: int = 20) -> TwoStage:
    """Put a perceptron that was never fitted behind the most popular tracks."""
    config = RerankConfig(candidates=candidates)
    parts = continuations(TRAIN, 20), skip_rates(TRAIN)
    return Fitted(model.eval(), *parts, config, VALID).behind(FIRST, PLAYS, 12)


def unfitted() -> Reranker:
    torch.manual_seed(0)
    model = Reranker(8, 0.0)
    for layer in (model.linear, model.output):
        torch.nn.init.normal_(layer.weight)
    return model


def test_before_it_learns_the_order_is_that_of_the_first_stage():
    (asked, *_) = ask(TEST, "next-track", 10**6)
    found = behind(Reranker(8, 0.0)).scores(asked.questions)
    plain = FIRST.scores(asked.questions)
    rows = np.arange(len(found))
    for scores in (found, plain):
        scores[rows, asked.questions.current] = -np.inf
    assert np.array_equal(np.argsort(-found[:, 1:]), np.argsort(-plain[:, 1:]))


def test_it_moves_candidates_alone_and_none_of_them_below_the_others():
    (asked, *_) = ask(TEST, "next-track", 10**6)
    found, plain = behind(unfitted()).scores(asked.questions), FIRST.scores(asked.questions)
    items, _ = best(asked.questions, plain, 20)
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
    fitted = [
        second_stage(FIRST, TRAIN, VALID, SMALL, length=12, seed=seed, say=said.append)
        for seed in (0, 0, 1)
    ]
    twice = [found.behind(FIRST, PLAYS, 12) for found in fitted]
    plain, one, same, other = evaluate([FIRST, *twice], TEST, PLAYS)
    figures = [found.metrics()["mrr@20"] or 0 for found in (plain, one, other)]
    assert min(figures[1:]) > figures[0] + 0.1
    assert np.array_equal(one.ranks, same.ranks)
    assert not np.array_equal(one.ranks, other.ranks)
    assert sum("epoch" in line for line in said) == 3 * SMALL.epochs
    assert len(fitted[0].chosen) == len(VALID) // 2


def test_what_a_bundle_holds_of_it_ranks_the_same_and_knows_nothing_of_new_tracks():
    found = second_stage(FIRST, TRAIN, VALID, SMALL, length=12)
    served = served_behind(FIRST, found.exported(), PLAYS, 12)
    one, other = evaluate([found.behind(FIRST, PLAYS, 12), served], TEST, PLAYS)
    assert np.array_equal(one.ranks, other.ranks)
    grown = found.exported().grown(TRAIN.n_items + 2)
    assert grown.skips[-2:].tolist() == [found.skips[0]] * 2


def test_what_chooses_the_epoch_is_what_evaluation_says():
    model = unfitted()
    asked_for: Any = {"length": 12, "candidates": 20, "questions": 10**6, "seed": 0}
    parts = continuations(TRAIN, 20), skip_rates(TRAIN)
    fitted = Fitted(model.eval(), *parts, RerankConfig(candidates=20), VALID)
    described = fitted.exported().describer(PLAYS)
    asked = lessons(FIRST, described, VALID, "next-track", **asked_for)
    (found,) = evaluate([fitted.behind(FIRST, PLAYS, 12)], VALID, PLAYS)
    figures = found.metrics()
    wanted = (figures["mrr@20"] or 0) + (figures["hit_rate@10"] or 0)
    assert rerank.worth(model, asked) == pytest.approx(wanted)
