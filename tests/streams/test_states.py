"""Which record of a changelog counts, and what of it."""

from hypothesis import given

from streams.oracle import Oracle
from streams.session import Arrival, Limits, Offer, Session, pack
from streams.states import States, without_model

from .event_strategies import Delivered, listening


def record(offset: int, appended_ms: int = 0, *ids: str) -> bytes:
    return pack(Session(0, offset, appended_ms, event_ids=ids))


def test_of_two_records_the_one_of_the_later_event_counts():
    states = States()
    for value in (record(1), record(3), record(2)):
        states.record(0, b"s", value)
    assert states.get("s") == Session(0, 3, 0)


def test_a_topic_made_anew_starts_its_offsets_again_at_a_later_time():
    states = States()
    states.record(0, b"s", record(9, 100))
    states.record(0, b"s", record(1, 200))
    assert states.get("s") == Session(0, 1, 200)


def test_a_record_in_another_partition_replaces_the_one_before():
    states = States()
    states.record(0, b"s", record(9))
    states.record(1, b"s", record(1))
    assert states.get("s") == Session(0, 1, 0)


def test_a_tombstone_ends_a_session_and_a_record_begins_it_again():
    states = States()
    states.record(0, b"s", record(9))
    states.record(0, b"s", None)
    assert (states.get("s"), len(states)) == (None, 0)
    states.record(0, b"s", record(1))
    assert list(states) == ["s"]


def test_a_record_that_cannot_be_read_is_none_and_is_remembered():
    states = States()
    states.record(0, b"s", record(1))
    states.record(0, b"s", b"\xc1")
    assert (states.get("s"), states.unreadable) == (None, {"s"})
    states.record(0, b"s", record(2))
    assert states.unreadable == set()


def test_a_session_has_reached_the_events_up_to_its_place():
    states = States()
    states.record(0, b"s", record(5))
    assert states.reached("s", Arrival(0, 5, 0))
    assert not states.reached("s", Arrival(0, 6, 0))
    assert not states.reached("s", Arrival(1, 1, 0))
    assert not states.reached("t", Arrival(0, 1, 0))


@given(listening())
def test_what_is_left_without_the_model_is_what_an_oracle_without_one_makes(
    events: list[Delivered],
):
    session, oracle = Session(), Oracle(Limits(), {0})
    for number, (event, at) in enumerate(events):
        oracle.take(event, at)
        session = session.advance(event, event.id, at, Limits())
        session = session.offering(Offer(f"r{number}", "v1", None, (("a", 1.0), ("b", 0.5))))
        assert without_model(session) == oracle.session("s")
