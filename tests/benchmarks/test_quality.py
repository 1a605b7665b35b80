"""Hits of the model and of both baselines, on the same occurrences and by the same rules."""

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from benchmarks.demo.quality import HitRates, Quality
from streams.bundle import Bundle
from streams.catalog import Catalog
from streams.counts import CountsEngine, TransitionCounts
from streams.events import HEARD, SKIPPED_AT_ONCE, Feedback, encode
from streams.ranking import BundleScorer, Ranking

TRACKS = tuple(f"t{i:02d}" for i in range(1, 31))


class Chain:
    """Lists what follows in TRACKS, as a Markov chain of an album would."""

    def rank(self, histories):
        found = []
        for history in histories:
            place = TRACKS.index(history[-1][0])
            found.append(Ranking(tuple((t, 1.0) for t in TRACKS[place + 1 : place + 2]), None))
        return found


def feedback(
    position: int,
    track: str,
    rank: int | None = None,
    outcome: int = HEARD,
    session: str = "s",
    version: str = "1",
) -> bytes:
    return encode(
        Feedback(
            event_id=f"e{position}",
            session_id=session,
            position=position,
            track_id=track,
            outcome=outcome,
            rank=rank,
            recommendation_id=None,
            model_version=version,
            propensity=None,
            occurred_at="2027-01-15T08:00:00Z",
        )
    )


@pytest.fixture
def quality():
    plays = range(len(TRACKS), 0, -1)  # t01 is the most popular
    return Quality(Chain(), Catalog(TRACKS, tuple(plays)))


def test_a_sessions_first_track_counts_for_nobody(quality):
    quality.feedback(feedback(0, "t01", rank=1))
    assert quality.hit_rates() is None


def test_rank_ten_is_a_hit_and_rank_eleven_is_none(quality):
    quality.feedback(feedback(0, "t20"))
    quality.feedback(feedback(1, "t25", rank=10))
    quality.feedback(feedback(2, "t29", rank=11))
    quality.feedback(feedback(3, "t24", rank=None))
    rates = quality.hit_rates()
    assert rates.model == pytest.approx(1 / 3)


def test_the_baselines_are_asked_about_the_same_occurrences(quality):
    quality.feedback(feedback(0, "t20"))
    quality.feedback(feedback(1, "t21", rank=None))  # what the chain foresees
    quality.feedback(feedback(2, "t03", rank=1))  # what popularity foresees
    assert quality.hit_rates() == HitRates(model=0.5, popularity=0.5, markov=0.5)


def test_the_track_before_is_masked_for_popularity(quality):
    quality.feedback(feedback(0, "t01"))
    quality.feedback(feedback(1, "t11"))  # 11th, and 10th once t01 is out of the way
    assert quality.hit_rates().popularity == 1
    quality.feedback(feedback(2, "t11"))  # the current track itself
    assert quality.hit_rates().popularity == 0.5


def test_a_track_that_the_base_never_saw_is_a_miss_for_the_baselines(quality):
    quality.feedback(feedback(0, "t01"))
    quality.feedback(feedback(1, "new", rank=1))
    assert quality.hit_rates() == HitRates(model=1, popularity=0, markov=0)


def test_a_repeat_of_a_record_counts_once(quality):
    for _ in range(2):
        quality.feedback(feedback(0, "t20"))
        quality.feedback(feedback(1, "t21", rank=1, outcome=SKIPPED_AT_ONCE))
    assert (quality.occurrences, quality.skips, quality.listed_skips) == (1, 1, 1)


def test_sessions_do_not_mix(quality):
    quality.feedback(feedback(0, "t20", session="a"))
    quality.feedback(feedback(0, "t25", session="b"))
    quality.feedback(feedback(1, "t21", session="a"))
    quality.feedback(feedback(1, "t26", session="b"))
    assert quality.hit_rates().markov == 1


def test_each_model_version_has_its_own_hits(quality):
    quality.feedback(feedback(0, "t20"))
    quality.feedback(feedback(1, "t21", rank=1, version="1"))
    quality.feedback(feedback(2, "t22", rank=None, version="2"))
    found = {v: (c["hits"], c["occurrences"]) for v, c in quality.by_version.items()}
    assert found == {"1": (1, 1), "2": (0, 1)}


def test_a_bundle_of_counts_is_what_stands_behind_markov():
    """The engine that serves such a bundle, asked through the rules that every bundle has."""
    catalog = Catalog(TRACKS, tuple(range(len(TRACKS), 0, -1)))
    pair = np.array([20], np.int32), np.array([21], np.int32), np.array([3], np.float32)
    manifest = SimpleNamespace(name="markov", version="1")
    bundle = cast(Bundle, SimpleNamespace(catalog=catalog, manifest=manifest))
    scorer = BundleScorer(bundle, CountsEngine(TransitionCounts(*pair), catalog, 20))
    quality = Quality(scorer, catalog)
    quality.feedback(feedback(0, "t20"))
    quality.feedback(feedback(1, "t21"))
    quality.feedback(feedback(2, "t10"))  # after t21 nothing is known: popularity fills in
    quality.feedback(feedback(3, "t30"))
    rates = quality.hit_rates()
    assert rates is not None
    assert rates.markov == pytest.approx(2 / 3)
