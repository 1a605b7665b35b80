"""Evaluation by the rules of serving, on rankers whose answers are known beforehand."""

import math

import numpy as np
import pytest

from models.counting.baselines import Markov, MostPopular
from models.evaluation.evaluate import evaluate
from models.evaluation.evaluation import Evaluation
from models.evaluation.metrics import MISSED
from models.questions import Bools, Floats, ProtocolName, Questions
from models.sessions import Sessions, packed

CATALOG = ["a", "b", "c", "d"]  # items 1 to 4
PLAYS = np.array([0, 5, 9, 2, 1])  # popular: b, a, c, d


class Fixed:
    """Gives every question the same scores."""

    name = "fixed"
    n_items = 4

    def __init__(self, *scores: float, listed: int | None = None) -> None:
        self.listed = listed
        self.asked = 0
        self._scores = np.array([99.0, *scores])  # padding's is never to be read

    def scores(self, questions: Questions, allowed: Bools | None = None) -> Floats:
        assert questions.depth.min() >= 1
        self.asked += len(questions.row)
        scores = np.tile(self._scores, (len(questions.row), 1))
        return scores if allowed is None else np.where(allowed, scores, -np.inf)


def sessions_of(*plays: list[tuple[str, int]]) -> Sessions:
    return packed([(f"s{i}", play) for i, play in enumerate(plays)], CATALOG)


def ranks_of(ranker: Fixed, sessions: Sessions, protocol: ProtocolName = "next-track") -> list[int]:
    (result,) = evaluate([ranker], sessions, PLAYS, protocol)
    return [int(rank) for rank in result.ranks]


def test_the_current_track_is_masked_and_other_repeats_are_not():
    played = sessions_of([("a", 1), ("b", 1), ("a", 1)])
    assert ranks_of(Fixed(0.9, 0.8, 0.7, 0.6), played) == [1, 1]


def test_a_target_that_repeats_the_current_track_is_missed():
    assert ranks_of(Fixed(0.9, 0.8, 0.7, 0.6), sessions_of([("a", 1), ("a", 1)])) == [MISSED]


def test_a_target_that_the_catalog_does_not_know_is_missed():
    assert ranks_of(Fixed(0.9, 0.8, 0.7, 0.6), sessions_of([("a", 1), ("new", 1)])) == [MISSED]


def test_a_session_of_which_nothing_is_known_gets_the_popular_tracks():
    ranker = Fixed(0.9, 0.8, 0.7, 0.6)
    played = sessions_of([("new", 1), ("b", 1)], [("new", 1), ("other", 1), ("c", 1)])
    assert ranks_of(ranker, played) == [1, MISSED, 3]
    assert ranker.asked == 0


def test_a_collapsed_model_has_no_hits():
    assert ranks_of(Fixed(0.5, 0.5, 0.5, 0.5), sessions_of([("a", 1), ("b", 1)])) == [3]
    nan = Fixed(math.nan, math.nan, math.nan, math.nan)
    assert ranks_of(nan, sessions_of([("a", 1), ("b", 1)])) == [MISSED]


def test_leave_last_out_asks_for_the_last_track_alone():
    played = sessions_of([("a", 1), ("b", 1), ("d", 1)], [("c", 1)])
    assert ranks_of(Fixed(0.9, 0.8, 0.7, 0.6), played, "leave-last-out") == [3]


def test_sampled_ranks_count_sampled_tracks_only_and_they_are_unobserved():
    played = sessions_of([("a", 1), ("d", 1)])  # b and c are left to be drawn
    ranker = Fixed(0.9, 0.8, 0.7, 0.6)
    for negatives, expected in ((0, 1), (1, 2), (2, 3), (1000, 3)):
        (result,) = evaluate([ranker], played, PLAYS, "leave-last-out", negatives=negatives)
        assert result.sampled_ranks is not None
        assert result.sampled_ranks.tolist() == [expected]


def test_a_ranker_of_lists_is_asked_again_among_the_sampled_tracks():
    played = sessions_of([("a", 1), ("d", 1)])
    ranker = Fixed(0.9, 0.8, 0.7, 0.6, listed=2)
    (result,) = evaluate([ranker], played, PLAYS, "leave-last-out", negatives=1)
    assert result.sampled_ranks is not None
    assert result.sampled_ranks.tolist() == [2]
    assert (ranker.asked, result.coverage, result.skip_auc) == (2, None, None)


def test_every_ranker_is_asked_about_the_same_sampled_tracks():
    rng = np.random.default_rng(0)
    plays = [[(CATALOG[i], 1) for i in rng.permutation(4)[:2]] for _ in range(30)]
    first, second = evaluate(
        [Fixed(0.1, 0.5, 0.3, 0.4), Fixed(0.1, 0.5, 0.3, 0.4)],
        sessions_of(*plays), PLAYS, "leave-last-out", negatives=1,
    )  # fmt: skip
    assert first.sampled_ranks is not None
    assert second.sampled_ranks is not None
    assert first.sampled_ranks.tolist() == second.sampled_ranks.tolist()


def test_skip_auc_compares_tracks_still_to_come_from_one_context():
    played = sessions_of([("a", 1), ("b", 1), ("c", 4), ("d", 0)])
    (result,) = evaluate([Fixed(0.1, 0.9, 0.5, 0.7)], played, PLAYS)
    # From a: b (heard) against c (skipped). From b and c nothing heard is left; d is unknown.
    assert (result.skip_auc, result.skip_pairs) == (1.0, 1)


def test_ranks_alone_are_the_same_ranks():
    played = sessions_of([("a", 1), ("b", 1), ("c", 4), ("d", 0)])
    ranker = Fixed(0.1, 0.9, 0.5, 0.7)
    (quick,) = evaluate([ranker], played, PLAYS, ranks_only=True)
    assert quick.ranks.tolist() == ranks_of(ranker, played)
    assert (quick.coverage, quick.skip_auc) == (None, None)


def test_heard_figures_are_those_of_listened_targets():
    result = Evaluation(
        model="m",
        session=np.array([0, 0, 1]),
        heard=np.array([True, False, True]),
        ranks=np.array([1, 30, 4]),
    )
    found = result.metrics()
    assert found["hit_rate@10"] == pytest.approx(2 / 3)
    assert found["heard_hit_rate@10"] == 1
    assert (found["targets"], found["heard_targets"]) == (3, 2)
    assert result.row() == {"model": "m", "metrics": found}


def test_nothing_to_ask_gives_no_figures_and_no_error():
    (result,) = evaluate([Fixed(1, 2, 3, 4)], sessions_of([("a", 1)]), PLAYS)
    assert result.metrics()["hit_rate@10"] is None
    assert result.metrics()["targets"] == 0


def test_another_catalog_is_refused():
    other = packed([("s", [("a", 1), ("b", 1)])], ["a", "b"])
    with pytest.raises(ValueError, match="fixed ranks 4 tracks, the sessions' catalog has 2"):
        evaluate([Fixed(1, 2, 3, 4)], other, PLAYS)


def test_progress_ends_with_all_sessions():
    said: list[tuple[int, int]] = []
    played = sessions_of(*[[("a", 1), ("b", 1)]] * 7)
    evaluate(
        [MostPopular(PLAYS), Markov.fit(played)],
        played,
        PLAYS,
        progress=lambda done, total: said.append((done, total)),
    )
    assert said[-1] == (7, 7)


def test_loo_full_masks_all_that_the_session_has_had_and_samples_nothing():
    played = sessions_of([("a", 1), ("b", 1), ("d", 1)], [("b", 1), ("new", 1), ("c", 1)])
    (result,) = evaluate([Fixed(0.9, 0.8, 0.7, 0.6)], played, PLAYS, "loo-full")
    assert result.ranks.tolist() == [2, 2]  # behind c, and behind a
    assert result.sampled_ranks is None


def test_loo_full_of_a_ranker_of_lists_asks_for_what_was_not_seen():
    played = sessions_of([("a", 1), ("b", 1), ("d", 1)])
    ranker = Fixed(0.9, 0.8, 0.7, 0.6, listed=2)
    assert ranks_of(ranker, played, "loo-full") == [2]
    assert ranker.asked == 1


def test_loo_full_of_a_session_of_which_nothing_is_known_gives_popular_tracks():
    played = sessions_of([("new", 1), ("a", 1)])
    assert ranks_of(Fixed(0.9, 0.8, 0.7, 0.6), played, "loo-full") == [2]
