import pytest

from streams.events import PlaybackEvent, Recommendation, RecommendedItem, Source
from streams.recommendations import recommendation, rfc3339
from streams.session import Arrival, Offer, Session

AT = Arrival(partition=3, offset=41, appended_ms=1_795_239_000_000)
EVENT = PlaybackEvent(
    session_id="s1", track_id="a", event="play", occurred_at="2026-11-21T06:29:58+01:00"
)
OFFERED = Session().offering(Offer("r1", "v1", "unknown_track", (("b", 0.5), ("c", 0.25))))


def test_a_recommendation_is_the_list_of_the_session_for_one_event():
    assert recommendation(EVENT, "e1", OFFERED, AT, AT.appended_ms + 7.1239) == Recommendation(
        recommendation_id="r1",
        session_id="s1",
        event_id="e1",
        items=(RecommendedItem("b", 0.5, 1), RecommendedItem("c", 0.25, 2)),
        model_version="v1",
        fallback="unknown_track",
        source=Source(partition=3, offset=41),
        occurred_at="2026-11-21T06:29:58+01:00",
        scored_at="2026-11-21T05:30:00.007Z",
        latency_ms=7.124,
    )


def test_a_broker_clock_ahead_of_ours_gives_no_negative_latency():
    assert recommendation(EVENT, "e1", OFFERED, AT, AT.appended_ms - 5).latency_ms == 0


def test_a_session_without_a_list_has_no_recommendation():
    with pytest.raises(ValueError, match="'s1' has no list"):
        recommendation(EVENT, "e1", Session(), AT, 0)


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_795_239_000_123, "2026-11-21T05:30:00.123Z"),
        (1_795_239_000_999.9, "2026-11-21T05:30:00.999Z"),
    ],
)
def test_times_are_written_in_utc_to_the_millisecond(ms, text):
    assert rfc3339(ms) == text
