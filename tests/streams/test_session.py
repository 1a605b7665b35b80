from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.events import HEARD, SKIPPED_AT_ONCE, UNKNOWN, PlaybackEvent
from streams.recommendations import rfc3339
from streams.session import (
    EVENT_IDS,
    HISTORY,
    Arrival,
    Limits,
    Occurrence,
    Offer,
    Seen,
    Session,
    pack,
    place,
    unpack,
)
from tests.streams.event_strategies import BEGAN_MS, SHORT, Delivered, listening

LIMITS = Limits()
A_LIST = Offer("r1", "v1", None, (("b", 0.5), ("c", 0.25)))


def event(kind: str, track: str, ms: int = 0, id_: str | None = None, **more) -> PlaybackEvent:
    return PlaybackEvent(
        session_id="s",
        track_id=track,
        event=kind,
        occurred_at=rfc3339(BEGAN_MS + ms),
        event_id=id_ or f"{kind}-{track}-{ms}",
        **more,
    )


def at(offset: int, ms: int = 0, partition: int = 0) -> Arrival:
    return Arrival(partition, offset, BEGAN_MS + ms)


def followed(*events: PlaybackEvent, session: Session | None = None) -> Session:
    """The session after events that arrive as they happen, at offsets 0, 1, 2 and so on."""
    session = session or Session()
    for step in events:
        arrival = Arrival(0, session.offset + 1, step.occurred_ms)
        session = session.advance(step, step.id, arrival, LIMITS)
    return session


def played(
    delivered: list[Delivered], session: Session | None = None
) -> tuple[Session, list[Occurrence]]:
    """What the worker does with deliveries: the session after them, and all that was closed."""
    session = session or Session()
    closed: list[Occurrence] = []
    for step, arrival in delivered:
        if session.expired(arrival.appended_ms, LIMITS):
            session = Session()
        if session.seen(step.id, arrival) is Seen.NEW:
            session = session.advance(step, step.id, arrival, LIMITS)
            closed += session.closed
            session = session.offering(Offer(f"r-{step.id}", "v1", None, (("b", 0.5),)))
    return session, closed


def test_a_start_and_its_play_are_one_occurrence():
    session = followed(event("start", "a"), event("play", "a", 1000))
    assert session.history == (("a", HEARD),)
    assert session.begun == 1
    assert session.pending is None
    assert session.closed == (
        Occurrence(0, "a", HEARD, "play-a-1000", rfc3339(BEGAN_MS + 1000), None, None, None, None),
    )


def test_a_start_is_in_the_history_before_its_end_is_known():
    session = followed(event("start", "a"))
    assert session.history == (("a", UNKNOWN),)
    assert session.closed == ()
    assert session.pending is not None


def test_a_play_alone_is_an_occurrence_and_two_plays_are_two():
    session = followed(event("play", "a"), event("play", "a", 1000))
    assert session.history == (("a", HEARD), ("a", HEARD))
    assert [occurrence.position for occurrence in session.closed] == [1]


def test_another_track_ends_a_start_with_its_outcome_unknown():
    session = followed(event("start", "a"), event("skip", "b", 1000, skip_strength=1))
    assert session.history == (("a", UNKNOWN), ("b", SKIPPED_AT_ONCE))
    assert [(o.position, o.track_id, o.outcome, o.event_id) for o in session.closed] == [
        (0, "a", UNKNOWN, "start-a-0"),
        (1, "b", SKIPPED_AT_ONCE, "skip-b-1000"),
    ]


def test_a_second_start_of_the_same_track_begins_a_second_occurrence():
    session = followed(event("start", "a"), event("start", "a", 1000), event("play", "a", 2000))
    assert session.history == (("a", UNKNOWN), ("a", HEARD))
    assert session.begun == 2


def test_an_event_of_another_kind_changes_nothing_at_its_own_track():
    before = followed(event("start", "a"))
    after = followed(event("other", "a", 1000), session=before)
    assert (after.history, after.begun, after.pending) == (
        before.history,
        before.begun,
        before.pending,
    )


def test_an_event_of_another_kind_ends_the_start_of_another_track_and_begins_nothing():
    session = followed(event("start", "a"), event("other", "b", 1000))
    assert session.history == (("a", UNKNOWN),)
    assert session.begun == 1
    assert [occurrence.track_id for occurrence in session.closed] == ["a"]


def test_the_current_list_is_the_one_before_the_first_event_of_the_occurrence():
    session = followed(event("play", "a")).offering(A_LIST)
    session = followed(event("start", "b", 1000), session=session)
    later = Offer("r2", "v2", None, (("c", 0.5), ("b", 0.25)))
    session = followed(event("play", "b", 2000), session=session.offering(later))
    [closed] = session.closed
    assert (closed.rank, closed.recommendation_id, closed.model_version) == (1, "r1", "v1")
    assert closed.previous == "a"


def test_a_track_that_is_not_in_the_list_has_no_rank_but_the_list_is_named():
    session = followed(event("play", "a")).offering(A_LIST)
    [closed] = followed(event("play", "z", 1000), session=session).closed
    assert (closed.rank, closed.recommendation_id) == (None, "r1")


@pytest.mark.parametrize(
    ("silence_ms", "begun"), [(LIMITS.silence_ms, 2), (LIMITS.silence_ms + 1, 1)]
)
def test_a_silence_of_exactly_the_limit_keeps_the_session(silence_ms, begun):
    session = followed(event("play", "a")).offering(A_LIST)
    session = followed(event("play", "b", silence_ms), session=session)
    assert session.begun == begun
    assert session.closed[0].recommendation_id == ("r1" if begun == 2 else None)


def test_silence_leaves_what_it_cuts_off_unfinished_and_keeps_the_event_ids():
    session = followed(event("start", "a"), event("play", "b", LIMITS.silence_ms + 1))
    assert session.history == (("b", HEARD),)
    assert [occurrence.track_id for occurrence in session.closed] == ["b"]
    assert len(session.event_ids) == 2


def test_a_late_event_takes_its_place_in_the_partition_and_not_in_time():
    late = followed(event("play", "a", LIMITS.silence_ms), event("play", "b", 0))
    assert late.history == (("a", HEARD), ("b", HEARD))
    # The silence is counted from the newest time, not from the late event's.
    assert followed(event("play", "c", 2 * LIMITS.silence_ms), session=late).begun == 3


@pytest.mark.parametrize("past_ms", [0, 1])
def test_a_record_expires_after_its_retention_of_broker_time(past_ms):
    session = followed(event("play", "a"))
    assert session.expired(BEGAN_MS + LIMITS.retention_ms + past_ms, LIMITS) is (past_ms > 0)


def test_a_broker_clock_that_steps_back_does_not_make_a_record_older():
    session = Session().advance(event("play", "a"), "e0", at(0, ms=5000), LIMITS)
    session = session.advance(event("play", "b"), "e1", at(1, ms=1000), LIMITS)
    assert session.appended_ms == BEGAN_MS + 5000


def test_the_newest_event_is_known_by_its_id_wherever_it_comes_from():
    session = followed(event("play", "a", id_="e1"), event("play", "b", id_="e2"))
    assert session.seen("e2", at(1)) is Seen.NEWEST
    assert session.seen("e2", at(900, ms=5)) is Seen.NEWEST
    assert session.seen("e2", at(900, partition=3)) is Seen.NEWEST


def test_an_older_event_is_known_by_its_id():
    session = followed(event("play", "a", id_="e1"), event("play", "b", id_="e2"))
    assert session.seen("e1", at(900, ms=5)) is Seen.OLDER


def test_an_offset_passed_before_is_older_even_when_its_id_is_forgotten():
    events = [event("play", "a", number, id_=f"e{number}") for number in range(EVENT_IDS + 1)]
    session = followed(*events)
    assert "e0" not in session.event_ids
    assert session.seen("e0", at(0)) is Seen.OLDER
    assert session.seen("e0", at(900, ms=900)) is Seen.NEW, "a duplicate this late is not noticed"


def test_offsets_of_a_topic_made_anew_are_not_taken_for_the_old_ones():
    session = followed(*(event("play", "a", number) for number in range(9)))
    assert session.seen("new", at(0, ms=60_000)) is Seen.NEW


def test_another_partition_is_not_compared_by_offset():
    session = followed(*(event("play", "a", number) for number in range(9)))
    assert session.seen("new", at(0, partition=1)) is Seen.NEW


def test_a_rank_counts_from_one_and_is_none_outside_the_list():
    assert [A_LIST.rank(track) for track in "bcz"] == [1, 2, None]


def test_a_place_is_read_without_the_rest_of_the_record():
    session = followed(event("play", "a"), event("play", "b", 1000)).offering(A_LIST)
    found = place(pack(session))
    assert (found.partition, found.offset) == (0, 1)
    assert found.appended_ms == BEGAN_MS + 1000


@pytest.mark.parametrize("raw", [b"", b"\x00", b"garbage", b'{"history": []}'])
def test_what_pack_did_not_write_is_refused(raw):
    with pytest.raises(msgspec.DecodeError):
        unpack(raw)


def test_a_full_record_stays_small():
    track = "t" * 36
    session = Session()
    for number in range(100):
        items = tuple((f"{track}{place}", 0.123456789) for place in range(10))
        offered = Offer("r" * 36, "v1", None, items)
        session = followed(
            event("play", track, number, id_=f"{number:016d}"), session=session
        ).offering(offered)
    assert len(pack(session)) < 5_000


@given(listening(), st.data())
def test_split_anywhere_packed_and_unpacked_is_the_whole(delivered, data):
    cut = data.draw(st.integers(0, len(delivered)))
    whole, closed = played(delivered)
    half, first = played(delivered[:cut])
    other, second = played(delivered[cut:], unpack(pack(half)))
    assert other == whole
    assert first + second == closed


@given(listening(), st.data())
def test_events_delivered_again_change_nothing(delivered, data):
    whole, closed = played(delivered)
    cut = data.draw(st.integers(0, len(delivered)))
    back = data.draw(st.integers(0, cut))
    # A worker that dies after `cut` events begins again at an offset before that.
    before, first = played(delivered[:cut])
    again, second = played(delivered[back:], before)
    assert again == whole
    assert first + second == closed


@given(listening(gaps=SHORT, max_size=70))
def test_history_is_bounded_and_begun_counts_every_occurrence(delivered):
    session, closed = played(delivered)
    assert session.begun == len(closed) + (session.pending is not None)
    assert len(session.history) == min(session.begun, HISTORY)
    assert len(session.event_ids) == min(len(delivered), EVENT_IDS)


@given(listening(gaps=SHORT))
def test_occurrences_close_once_each_in_the_order_of_their_positions(delivered):
    _, closed = played(delivered)
    assert [occurrence.position for occurrence in closed] == list(range(len(closed)))
    assert len({occurrence.event_id for occurrence in closed}) == len(closed)


@given(listening())
def test_after_a_silence_positions_begin_again_and_never_repeat_in_between(delivered):
    _, closed = played(delivered)
    for before, after in pairwise(closed):
        assert after.position in (before.position + 1, 0)
    assert len({occurrence.event_id for occurrence in closed}) == len(closed)


@given(listening(gaps=SHORT))
def test_the_history_is_the_closed_occurrences_and_then_the_pending_one(delivered):
    session, closed = played(delivered)
    told = [(occurrence.track_id, occurrence.outcome) for occurrence in closed]
    if session.pending is not None:
        told.append((session.pending.track_id, UNKNOWN))
    assert list(session.history) == told[-HISTORY:]
