"""Counting, in one strict order that is also the order in which counts are served."""

import numpy as np
import pytest
from hypothesis import given

from models.counting.baselines import Markov, MostPopular, popularity_scores, transition_counts
from models.data.sources import open_source
from models.evaluation.evaluate import evaluate
from models.evaluation.metrics import hit_rate, mrr
from models.questions import Questions, ask
from models.recipe import prepare
from models.sessions import packed
from streams.catalog import Catalog
from streams.counts import CountsEngine
from tests.strategies import sessions

PLAYED = packed(
    [
        ("s1", [("a", 1), ("b", 1), ("c", 1)]),
        ("s2", [("a", 1), ("c", 4), ("a", 1), ("b", 1)]),
        ("s3", [("a", 1), ("d", 1)]),
    ],
    ["a", "b", "c", "d", "e"],
)


def after(*items: int) -> Questions:
    """One question for each item: what follows it?"""
    column = np.array(items)[:, None]
    n = np.arange(len(items))
    return Questions(column, 0 * column, n, np.ones_like(n), column[:, 0])


def order(scores: np.ndarray) -> list[list[int]]:
    assert all(len(set(row[1:].tolist())) == len(row) - 1 for row in scores), "strict"
    found: list[list[int]] = (np.argsort(-scores[:, 1:], axis=1) + 1).tolist()
    return found


def test_popularity_ranks_by_plays_and_ties_by_item():
    assert PLAYED.counts().tolist() == [0, 4, 2, 2, 1, 0]
    assert order(MostPopular.fit(PLAYED).scores(after(1, 5))) == [[1, 2, 3, 4, 5]] * 2


def test_markov_ranks_what_followed_most_often_then_everything_by_plays():
    ranked = order(Markov.fit(PLAYED).scores(after(1, 3, 5)))
    assert ranked == [[2, 3, 4, 1, 5], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5]]


def test_transitions_are_counted_inside_sessions_only():
    counts = transition_counts(PLAYED)
    found = dict(
        zip(
            zip(counts.sources.tolist(), counts.targets.tolist(), strict=True),
            counts.weights.tolist(),
            strict=True,
        )
    )
    assert found == {(1, 2): 2, (2, 3): 1, (1, 3): 1, (3, 1): 1, (1, 4): 1}


def test_a_step_over_an_unknown_track_is_no_transition():
    gapped = packed([("s", [("a", 1), ("new", 1), ("b", 1)])], ["a", "b"])
    assert len(transition_counts(gapped).sources) == 0


def test_popularity_scores_stay_below_one_count():
    scores = popularity_scores(np.array([0, 3, 5, 3]))
    assert scores == pytest.approx([0, 0.5, 0.75, 0.25])


@given(sessions(min_size=1, max_size=6))
def test_markov_ranks_as_the_bundle_of_its_counts_is_served(found):
    catalog = Catalog(found.track_ids, tuple(found.counts()[1:].tolist()))
    markov = Markov.fit(found)
    engine = CountsEngine(markov.transitions, catalog, found.n_items)
    for asked in ask(found, "next-track", 10_000):
        if not len(asked.target):
            continue
        current = asked.questions.newest()
        scores = markov.scores(asked.questions)
        scores[np.arange(len(scores)), current] = -np.inf
        _, candidates = engine.top([[(item, 1)] for item in current.tolist()], current[:, None])
        ours = np.argsort(-scores[:, 1:], axis=1, kind="stable")[:, : found.n_items - 1] + 1
        assert ours.tolist() == candidates[:, : found.n_items - 1].tolist()


def test_the_chain_on_real_sessions_has_the_figures_it_is_known_by(data_dir):
    """Drift in the loader, the split, the metrics or the chain itself would show here."""
    prepared = prepare(open_source(f"mssd-mini:{data_dir / 'mssd-mini'}"))
    test = prepared.parts.test.reindexed(prepared.train.track_ids)
    markov = Markov.fit(prepared.train)
    (found,) = evaluate([markov], test, prepared.train.counts(), ranks_only=True)
    assert len(found.ranks) == 16_868
    assert hit_rate(found.ranks, 10) == pytest.approx(0.5807, abs=5e-5)
    assert mrr(found.ranks, 20) == pytest.approx(0.4046, abs=5e-5)
