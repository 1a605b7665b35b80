"""An engine of two stages gives the first's candidates in the order of their raised scores."""

from typing import Any

import numpy as np
import pytest

from streams.bundle import open_bundle
from streams.ranking import BundleScorer
from streams.reranking import Reranking, TwoStageEngine
from streams.scoring import OnnxEngine, load_scorer, make_engine
from streams.settings import ScoringSettings
from tests.bundles import TRACKS, hybrid_files, place, two_stage_files

CPU = ScoringSettings(provider="cpu")
SESSIONS = [[(1, 1)], [(4, 0), (9, 4), (4, 3)], [(7, 2)] * 6]
NONE = np.zeros((3, 1), np.int64)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return open_bundle(place(two_stage_files(), tmp_path_factory.mktemp("bundle")))


def raising(bundle: Any, raises: Any) -> TwoStageEngine:
    """The bundle with another perceptron."""
    describer = bundle.second_stage.describer(np.array([0, *bundle.catalog.counts]))
    return TwoStageEngine(OnnxEngine(bundle), Reranking(describer, raises))


def test_candidates_are_those_of_the_first_stage_in_another_order(bundle):
    engine = make_engine(bundle, CPU)
    assert isinstance(engine, TwoStageEngine)
    before, after = engine.first.top(SESSIONS, NONE), engine.top(SESSIONS, NONE)
    assert np.array_equal(np.sort(before[1]), np.sort(after[1]))
    assert not np.array_equal(before[1], after[1])
    assert (np.diff(after[0]) <= 0).all()


def test_a_raise_of_nothing_changes_nothing(bundle):
    engine = raising(bundle, lambda features, context: np.zeros(features.shape[:2], np.float32))
    found, plain = engine.top(SESSIONS, NONE), engine.first.top(SESSIONS, NONE)
    assert np.array_equal(found[0], plain[0])
    assert np.array_equal(found[1], plain[1])


def test_what_is_masked_stays_masked_and_a_catalog_smaller_than_the_candidates_is_all_there(bundle):
    exclude = np.tile(np.arange(5, TRACKS + 1), (3, 1))
    scores, candidates = make_engine(bundle, CPU).top(SESSIONS, exclude)
    assert np.isfinite(scores[:, :4]).all()
    assert np.isneginf(scores[:, 4:]).all()
    assert np.sort(candidates[:, :4]).tolist() == [[1, 2, 3, 4]] * 3
    everything = np.tile(np.arange(1, TRACKS + 1), (3, 1))
    assert np.isneginf(make_engine(bundle, CPU).top(SESSIONS, everything)[0]).all()


def test_a_raise_that_is_no_number_degrades_its_session_alone(bundle):
    def broken(features: Any, context: Any) -> Any:
        raised = np.zeros(features.shape[:2], np.float32)
        raised[context[:, 0] > 1] = np.nan  # long sessions
        return raised

    scorer = BundleScorer(bundle, raising(bundle, broken))
    found = scorer.rank([[("t1", 1)], [("t2", 1)] * 6, [("t3", 1)]])
    assert [ranking.fallback for ranking in found] == [None, "degraded", None]


def test_the_usual_lists_for_sessions_of_one_track_of_unknown_ones_and_of_none(bundle, tmp_path):
    scorer = load_scorer(bundle.path, CPU)
    hybrid = load_scorer(place(hybrid_files(), tmp_path), CPU)
    asked = [[("t1", 1)], [("x", 1)], [("t1", 1), ("x", 0)], []]
    found, plain = scorer.rank(asked), hybrid.rank(asked)
    assert [r.fallback for r in found] == [None, "cold_start", "unknown_track", "cold_start"]
    assert (found[1], found[3]) == (plain[1], plain[3])
    assert found[0] != plain[0]
    assert "t1" not in dict(found[0].items)
