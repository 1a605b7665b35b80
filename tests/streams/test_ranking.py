"""What a list holds, whoever computes it: masks, unknown tracks, fallbacks, damage."""

import logging
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from streams.bundle import Bundle, open_bundle
from streams.ranking import BundleScorer, Engine, Ranking
from streams.scoring import OnnxEngine, make_engine
from streams.settings import ScoringSettings
from tests.bundles import LENGTH, TRACKS, catalog, counts_files, network_files, place

HISTORIES = st.lists(
    st.tuples(st.integers(1, TRACKS + 5).map("t{}".format), st.integers(0, 4)),
    max_size=2 * LENGTH,
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return open_bundle(place(network_files(), tmp_path_factory.mktemp("network")))


@pytest.fixture(scope="module")
def engine(bundle: Bundle) -> Engine:
    return OnnxEngine(bundle)


@pytest.fixture(scope="module", params=["network", "counts"])
def scorer(request, tmp_path_factory):
    files = network_files() if request.param == "network" else counts_files(TRACKS)
    bundle = open_bundle(place(files, tmp_path_factory.mktemp(request.param)))
    return BundleScorer(bundle, make_engine(bundle, ScoringSettings(provider="cpu")))


def tracks(ranking: Ranking) -> list[str]:
    return [track for track, _ in ranking.items]


@settings(deadline=None)
@given(histories=st.lists(HISTORIES, max_size=9))
def test_a_list_is_full_ordered_unique_and_without_the_current_track(scorer, histories):
    for history, ranking in zip(histories, scorer.rank(histories), strict=True):
        assert len(ranking.items) == 10
        assert len(set(tracks(ranking))) == 10
        assert set(tracks(ranking)) <= scorer.bundle.catalog.index.keys()
        assert not history or history[-1][0] not in tracks(ranking)
        scores = [score for _, score in ranking.items]
        assert np.isfinite(scores).all()
        assert scores == sorted(scores, reverse=True)


@settings(deadline=None)
@given(histories=st.lists(HISTORIES, max_size=9))
def test_a_list_does_not_depend_on_the_batch_it_is_computed_in(scorer, histories):
    for together, history in zip(scorer.rank(histories), histories, strict=True):
        (alone,) = scorer.rank([history])
        assert together.fallback == alone.fallback
        assert tracks(together) == tracks(alone)
        for (_, a), (_, b) in zip(together.items, alone.items, strict=True):
            assert a == pytest.approx(b, abs=1e-5)


@settings(deadline=None)
@given(histories=st.lists(HISTORIES, max_size=9))
def test_the_fallback_says_what_was_known(scorer, histories):
    known = scorer.bundle.catalog.index
    for history, ranking in zip(histories, scorer.rank(histories), strict=True):
        current = bool(history) and history[-1][0] in known
        others = any(track in known for track, _ in history)
        expected = None if current else "unknown_track" if others else "cold_start"
        assert ranking.fallback == expected


def test_nothing_known_gives_the_popularity_list_scored_by_share_of_plays(scorer):
    plays = sum(catalog().counts)
    popular = [(f"t{item}", catalog().counts[item - 1] / plays) for item in catalog().popular[:10]]
    for ranking in scorer.rank([[], [("unknown", 1)]]):
        assert ranking == (tuple(popular), "cold_start")


def test_unknown_tracks_are_left_out_before_scoring(scorer):
    plain, mixed, last = scorer.rank(
        [
            [("t3", 1), ("t4", 2)],
            [("x", 1), ("t3", 1), ("y", 4), ("t4", 2)],
            [("t3", 1), ("t4", 2), ("x", 1)],
        ]
    )
    assert mixed == plain
    assert last.fallback == "unknown_track"
    # The same list, but t4 is not the current track any more and may be offered again.
    assert [track for track in tracks(last) if track != "t4"][:9] == tracks(plain)[:9]


def test_only_the_newest_t_occurrences_count(scorer):
    recent = [(f"t{item}", 1) for item in range(10, 10 + LENGTH)]
    older = [(f"t{item}", 4) for item in range(50, 80)]
    assert scorer.rank([older + recent]) == scorer.rank([recent])


def test_a_session_reaches_the_engine_oldest_first_and_its_scores_come_back(bundle, engine):
    history = [("t7", 1), ("x", 2), ("t9", 3), ("t2", 4)]
    (ranking,) = BundleScorer(bundle, engine).rank([history])
    scores, candidates = engine.top([[(7, 1), (9, 3), (2, 4)]], np.array([[2]]))
    assert tracks(ranking) == [f"t{item}" for item in candidates[0, :10]]
    assert [score for _, score in ranking.items] == pytest.approx(scores[0, :10].tolist())


def test_the_outcome_changes_what_a_network_offers(bundle, engine):
    heard, skipped = BundleScorer(bundle, engine).rank([[("t1", 1)], [("t1", 4)]])
    assert heard.items != skipped.items


def test_no_session_repeats_masks_the_whole_history(bundle, engine):
    history = [(track, 1) for track in tracks(BundleScorer(bundle, engine).rank([[("t1", 1)]])[0])]
    history = [*history, *[("t2", 1)] * (2 * LENGTH), ("t1", 1)]
    (allowed,) = BundleScorer(bundle, engine, k=100).rank([history])
    (masked,) = BundleScorer(bundle, engine, k=100, no_session_repeats=True).rank([history])
    heard = {track for track, _ in history}
    assert heard - {"t1"} <= set(tracks(allowed))
    assert not heard & set(tracks(masked))


def test_a_session_that_used_up_the_catalog_gets_repeats_but_not_the_current_track(
    tmp_path: Path,
):
    bundle = open_bundle(place(counts_files(12), tmp_path))
    engine = make_engine(bundle, ScoringSettings())
    scorer = BundleScorer(bundle, engine, no_session_repeats=True)
    (left,) = scorer.rank([[(f"t{item}", 1) for item in range(1, 11)]])
    assert (set(tracks(left)), left.fallback) == ({"t11", "t12"}, None)
    (used_up,) = scorer.rank([[(f"t{item}", 1) for item in range(1, 13)]])
    assert used_up.fallback == "degraded"
    assert len(used_up.items) == 10
    assert "t12" not in tracks(used_up)


class Faulty:
    """The real engine, except that sessions which hold a certain item are damaged."""

    def __init__(
        self,
        engine: Engine,
        fault: Callable[[NDArray[np.float32], int], None],
        every: bool = False,
    ) -> None:
        self.provider, self.length, self.cutoff = engine.provider, engine.length, engine.cutoff
        self._engine, self._fault, self._every = engine, fault, every

    def top(
        self, sessions: Sequence[Sequence[tuple[int, int]]], exclude: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        scores, candidates = self._engine.top(sessions, exclude)
        for row, session in enumerate(sessions):
            if 13 in [item for item, _ in session] or (self._every and row == 0):
                self._fault(scores, row)
        return scores, candidates


def raises(scores: NDArray[np.float32], row: int) -> None:
    raise RuntimeError("the runtime failed")


def not_a_number(scores: NDArray[np.float32], row: int) -> None:
    scores[row, -1] = np.nan


def infinite(scores: NDArray[np.float32], row: int) -> None:
    scores[row, 0] = np.inf


def nothing_allowed(scores: NDArray[np.float32], row: int) -> None:
    scores[row] = -np.inf


def too_few_allowed(scores: NDArray[np.float32], row: int) -> None:
    scores[row, 20:] = -np.inf


FAULTS = [raises, not_a_number, infinite, nothing_allowed, too_few_allowed]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_row_that_cannot_be_scored_is_degraded_and_its_batch_mates_are_not(
    fault, bundle, engine, caplog
):
    histories = [[(f"t{item}", 1)] for item in range(8, 18)]
    expected = BundleScorer(bundle, engine).rank(histories)
    scorer = BundleScorer(bundle, Faulty(engine, fault))
    with caplog.at_level(logging.ERROR):
        rankings = scorer.rank(histories)
    degraded = rankings.pop(5)
    del expected[5]
    assert degraded.fallback == "degraded"
    assert len(degraded.items) == 10
    assert "t13" not in tracks(degraded)
    assert [tracks(ranking) for ranking in rankings] == [tracks(ranking) for ranking in expected]
    assert {ranking.fallback for ranking in rankings} == {None}
    assert "is degraded" in caplog.text


@pytest.mark.parametrize("history", [[("t1", 5)], [("t1", -1)], [None], [("t1",)], [([], 1)], 7])
def test_a_damaged_history_is_degraded_and_its_batch_mates_are_not(history, bundle, engine):
    good = [("t1", 1)]
    first, bad, last = BundleScorer(bundle, engine).rank([good, history, good])
    assert bad.fallback == "degraded"
    assert len(bad.items) == 10
    assert first.fallback is last.fallback is None


def test_batches_over_the_largest_bucket_are_cut(bundle, engine):
    sizes: list[int] = []

    def count(scores: NDArray[np.float32], row: int) -> None:
        sizes.append(len(scores))

    scorer = BundleScorer(bundle, Faulty(engine, count, every=True), buckets=(1, 8, 32))
    histories = [[(f"t{20 + row}", 1)] for row in range(70)]
    rankings = scorer.rank(histories)
    assert sizes == [32, 32, 6]
    assert tracks(rankings[69]) == tracks(BundleScorer(bundle, engine).rank([histories[69]])[0])
    sizes.clear()
    assert scorer.row_seconds == math.inf
    scorer.warm()
    assert sizes[:3] == [1, 8, 32]
    assert set(sizes[3:]) == {1}  # timed
    assert 0 < scorer.row_seconds < math.inf
