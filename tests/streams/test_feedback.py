import msgspec
import pytest

from streams.catalog import Catalog
from streams.events import HEARD, SKIPPED_AT_ONCE, SKIPPED_LATE, UNKNOWN, Feedback
from streams.feedback import Tally, feedback, tally
from streams.session import Occurrence

SECOND = Occurrence(
    position=1,
    track_id="b",
    outcome=HEARD,
    event_id="e2",
    occurred_at="2026-11-21T05:30:00.000Z",
    previous="a",
    rank=2,
    recommendation_id="r1",
    model_version="v1",
)
# By plays: c (9), a (5), b (5, later item), d (1).
CATALOG = Catalog(track_ids=("a", "b", "c", "d"), counts=(5, 5, 9, 1))


def occurrence(**changes) -> Occurrence:
    return msgspec.structs.replace(SECOND, **changes)


def test_a_record_says_what_was_heard_and_which_list_was_current():
    assert feedback("s1", SECOND) == Feedback(
        event_id="e2",
        session_id="s1",
        position=1,
        track_id="b",
        outcome=HEARD,
        rank=2,
        recommendation_id="r1",
        model_version="v1",
        propensity=None,
        occurred_at="2026-11-21T05:30:00.000Z",
    )


def test_the_first_occurrence_of_a_session_does_not_count():
    assert tally(occurrence(position=0), CATALOG) is None


@pytest.mark.parametrize(("rank", "hit"), [(1, True), (3, True), (4, False), (None, False)])
def test_a_rank_up_to_k_is_a_hit(rank, hit):
    counted = tally(occurrence(rank=rank), CATALOG, k=3)
    assert counted is not None
    assert counted.hit is hit


@pytest.mark.parametrize(
    ("outcome", "named"),
    [
        (UNKNOWN, "unknown"),
        (HEARD, "heard"),
        (SKIPPED_LATE, "skipped"),
        (SKIPPED_AT_ONCE, "skipped"),
    ],
)
def test_hits_are_counted_apart_by_what_became_of_the_track(outcome, named):
    assert tally(occurrence(outcome=outcome), CATALOG) == Tally(True, True, named)


def test_a_track_the_catalog_does_not_know_is_a_miss_for_the_popularity_list_too():
    assert tally(occurrence(track_id="z", rank=None), CATALOG) == Tally(False, False, "heard")


@pytest.mark.parametrize(
    ("previous", "track", "k", "hit"),
    [
        ("d", "c", 1, True),
        ("d", "a", 1, False),
        ("d", "a", 2, True),
        ("d", "b", 2, False),  # as popular as a, and the later item
        ("c", "a", 1, True),  # c is masked, so a moves up
        ("c", "b", 2, True),
        ("a", "c", 1, True),  # masking what stands below changes nothing
        ("z", "a", 1, False),  # nothing to mask: the catalog does not know z
        (None, "a", 1, False),
        ("c", "c", 4, False),  # the current track is never offered
    ],
)
def test_the_popularity_list_masks_the_track_before_as_ours_does(previous, track, k, hit):
    counted = tally(occurrence(previous=previous, track_id=track), CATALOG, k)
    assert counted is not None
    assert counted.popularity_hit is hit
