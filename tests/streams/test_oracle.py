"""The oracle finds every way in which a worker's sessions can differ, and invents none."""

from dataclasses import dataclass, field

import msgspec
from hypothesis import assume, given
from hypothesis import strategies as st

from streams.events import FORGET, PlaybackEvent
from streams.oracle import Comparison, Oracle
from streams.session import EVENT_IDS, Arrival, Limits, Offer, Seen, Session, pack
from streams.states import States

from .event_strategies import BEGAN_MS, KINDS, MINUTE_MS, Delivered, listening

LIMITS = Limits()
HOUR_MS = 60 * MINUTE_MS


@dataclass
class Worker:
    """What a faultless worker writes to its changelog, one record an event."""

    kept: dict[str, Session] = field(default_factory=dict)
    changelog: list[tuple[str, Session | None]] = field(default_factory=list)

    def take(self, event: PlaybackEvent, at: Arrival) -> None:
        session = self.kept.get(event.session_id, Session())
        if session.expired(at.appended_ms, LIMITS):
            session = Session()
        if session.seen(event.id, at) is Seen.NEW:
            session = session.advance(event, event.id, at, LIMITS)
            session = session.offering(Offer("r", "v1", None, (("a", 0.5),)))
            self.kept[event.session_id] = session
            self.changelog.append((event.session_id, session))

    def sweep(self, session_id: str) -> None:
        self.kept.pop(session_id)
        self.changelog.append((session_id, None))

    def states(self) -> States:
        states = States()
        for id_, session in self.changelog:
            states.record(0, id_.encode(), None if session is None else pack(session))
        return states


def events(*tracks: str, session: str = "s", step_ms: int = 1000) -> list[Delivered]:
    """Plays of one session, from offset 0 on."""
    return [
        (
            PlaybackEvent(
                session_id=session,
                track_id=track,
                event="play",
                occurred_at="2026-11-21T05:30:00Z",
                event_id=f"e{number}",
            ),
            Arrival(0, number, BEGAN_MS + number * step_ms),
        )
        for number, track in enumerate(tracks)
    ]


def worked(delivered: list[Delivered]) -> Worker:
    worker = Worker()
    for event, at in delivered:
        worker.take(event, at)
    return worker


def compared(
    delivered: list[Delivered], states: States, begin: int = 0, unsettled: tuple[str, ...] = ()
) -> Comparison:
    """Replay from an offset on, and compare."""
    oracle = Oracle(LIMITS, {0} if begin == 0 else ())
    for event, at in delivered:
        if at.offset >= begin:
            oracle.take(event, at)
    return oracle.compare(states, {0: begin}, unsettled)


@given(listening())
def test_a_faultless_worker_agrees(delivered):
    found = compared(delivered, worked(delivered).states())
    assert found == Comparison(int(bool(delivered)), 0, 0, [])


@given(listening(), st.data())
def test_duplicates_and_redeliveries_change_nothing(delivered, data):
    assume(delivered)
    again = data.draw(st.lists(st.sampled_from(delivered), max_size=5))
    end = delivered[-1][1]
    repeated = [
        (event, Arrival(0, end.offset + number, end.appended_ms))
        for number, (event, _) in enumerate(again, 1)
    ]
    assert compared(delivered + repeated, worked(delivered + repeated).states()).unequal == []


@given(listening(), st.data())
def test_a_lost_event_is_found(delivered, data):
    assume(delivered)
    lost = data.draw(st.integers(0, len(delivered) - 1))
    kept = [one for number, one in enumerate(delivered) if number != lost]
    found = compared(delivered, worked(kept).states())
    assert [fault.session_id for fault in found.unequal] == ["s"]


@given(listening(), st.data())
def test_a_swapped_outcome_is_found(delivered, data):
    worker = worked(delivered)
    assume(worker.kept and worker.kept["s"].history)
    session = worker.kept["s"]
    place = data.draw(st.integers(0, len(session.history) - 1))
    track, outcome = session.history[place]
    history = list(session.history)
    history[place] = (track, (outcome + data.draw(st.integers(1, 4))) % 5)
    forged = msgspec.structs.replace(session, history=tuple(history))
    worker.changelog.append(("s", forged))
    (fault,) = compared(delivered, worker.states()).unequal
    assert "history: found" in fault.said
    assert f" at {place} of {len(history)}" in fault.said


@given(listening(gaps=(0, 1, 4_000)), st.data())
def test_a_missing_event_id_is_found_even_where_the_past_is_unknown(delivered, data):
    assume(len(delivered) > 1)
    worker = worked(delivered)
    ids = worker.kept["s"].event_ids
    begin = data.draw(st.sampled_from([0, delivered[1][1].offset]))
    gone = data.draw(st.sampled_from(ids[1:]))
    without = tuple(id_ for id_ in ids if id_ != gone)
    worker.changelog.append(("s", msgspec.structs.replace(worker.kept["s"], event_ids=without)))
    (fault,) = compared(delivered, worker.states(), begin).unequal
    assert "event" in fault.said


@given(listening(max_size=12), st.data())
def test_a_replay_from_the_middle_invents_no_fault(delivered, data):
    assume(delivered)
    begin = data.draw(st.integers(0, delivered[-1][1].offset))
    copies = data.draw(st.lists(st.sampled_from(delivered), max_size=2))
    end = delivered[-1][1]
    delivered = delivered + [
        (event, Arrival(0, end.offset + number, end.appended_ms))
        for number, (event, _) in enumerate(copies, 1)
    ]
    found = compared(delivered, worked(delivered).states(), begin)
    assert found.unequal == []
    assert found.compared + found.unknown == 1


def test_a_session_that_began_before_the_replay_is_not_compared():
    delivered = events("a", "b", "c")
    assert compared(delivered, worked(delivered).states(), 1) == Comparison(0, 0, 1, [])


def test_a_session_that_begins_after_the_replay_by_its_own_record_is_compared():
    other, mine = events("a", "b"), events("a", "b", "c", session="t")
    mine = [(event, at._replace(offset=at.offset + 2)) for event, at in mine]
    worker = worked(other + mine)
    assert compared(other + mine, worker.states(), 1) == Comparison(1, 0, 1, [])
    forged = msgspec.structs.replace(worker.kept["t"], history=(("a", 1), ("b", 1), ("b", 1)))
    worker.changelog.append(("t", forged))
    (fault,) = compared(other + mine, worker.states(), 1).unequal
    assert (fault.session_id, fault.partition, fault.offset) == ("t", 0, 4)


def test_what_comes_two_hours_after_the_replay_began_is_compared_in_full():
    """Whatever was before is too old to count by then."""
    delivered = events(*"abcd", step_ms=3 * HOUR_MS)
    worker = worked(delivered)
    assert compared(delivered, worker.states(), 1) == Comparison(1, 0, 0, [])
    forged = msgspec.structs.replace(worker.kept["s"], begun=7)
    worker.changelog.append(("s", forged))
    assert len(compared(delivered, worker.states(), 1).unequal) == 1


def test_an_expired_session_is_allowed_to_be_gone_and_a_living_one_is_not():
    worker = worked(events("a"))
    worker.sweep("s")
    soon = events("b", session="t")[0][0], Arrival(0, 1, BEGAN_MS + LIMITS.retention_ms)
    late = soon[0], Arrival(0, 1, BEGAN_MS + LIMITS.retention_ms + 1)
    for last, faults, swept in ((soon, 1, 0), (late, 0, 1)):
        worker.changelog = [*worker.changelog[:2]]
        worker.take(*last)
        found = compared([*events("a"), last], worker.states())
        assert (len(found.unequal), found.swept) == (faults, swept)
        worker.kept.clear()


def test_the_clock_of_a_partition_runs_on_with_events_that_break_the_contract():
    worker = worked(events("a"))
    worker.sweep("s")
    oracle = Oracle(LIMITS, {0})
    oracle.take(*events("a")[0])
    oracle.take(None, Arrival(0, 1, BEGAN_MS + LIMITS.retention_ms + 1))
    assert oracle.compare(worker.states(), {0: 0}) == Comparison(0, 1, 0, [])


def test_a_session_of_an_unanswered_event_is_not_compared():
    delivered = events("a", "b")
    behind = worked(delivered[:1]).states()
    assert compared(delivered, behind, unsettled=("s",)) == Comparison(0, 0, 1, [])
    assert len(compared(delivered, behind).unequal) == 1


def test_a_session_sent_to_two_partitions_has_no_right_state():
    first, second = events("a", "b")
    split = [first, (second[0], Arrival(1, 0, second[1].appended_ms))]
    oracle = Oracle(LIMITS, {0, 1})
    for event, at in split:
        oracle.take(event, at)
    assert oracle.compare(States(), {0: 0, 1: 0}) == Comparison(0, 0, 1, [])


def test_a_record_of_no_event_is_a_fault_if_its_event_should_have_been_replayed():
    states = States()
    for id_, offset in (("old", 4), ("forged", 5)):
        states.record(0, id_.encode(), pack(Session(0, offset, BEGAN_MS)))
    oracle = Oracle(LIMITS)
    found = oracle.compare(states, {0: 5})
    assert [fault.session_id for fault in found.unequal] == ["forged"]


def test_a_record_that_cannot_be_read_is_a_fault():
    states = States()
    states.record(0, b"s", b"\xc1")
    (fault,) = compared(events("a"), states).unequal
    assert fault.said == "its record cannot be read"


def test_a_full_list_of_ids_says_nothing_about_what_was_before():
    tracks = ["a"] * (EVENT_IDS + 5)
    delivered = events(*tracks)
    assert compared(delivered, worked(delivered).states(), 1) == Comparison(0, 0, 1, [])
    assert compared(delivered, worked(delivered).states()) == Comparison(1, 0, 0, [])


@given(listening(kinds=(*KINDS, "forget")), st.data())
def test_forgetting_is_the_same_whenever_its_tombstone_is_written(delivered, data):
    worker = Worker()
    for event, at in delivered:
        worker.take(event, at)
        if worker.kept["s"].forgotten and data.draw(st.booleans()):
            worker.sweep("s")
    found = compared(delivered, worker.states())
    assert found.unequal == []
    assert found.compared + found.swept == int(bool(delivered))


@given(listening(kinds=(*KINDS, "forget")), st.data())
def test_what_kafka_delivers_again_before_the_commit_changes_nothing_that_was_forgotten(
    delivered, data
):
    assume(delivered)
    worker = worked(delivered)
    before = worker.kept["s"]
    for event, at in delivered[data.draw(st.integers(0, len(delivered) - 1)) :]:
        worker.take(event, at)
    assert worker.kept["s"] == before


def test_a_record_that_outlived_its_forgetting_is_found():
    played = events("a", "b")
    worker = worked(played)
    found = compared([*played, forgetting(2)], worker.states())
    assert [fault.session_id for fault in found.unequal] == ["s"]


def forgetting(offset: int) -> Delivered:
    event = PlaybackEvent(
        session_id="s",
        track_id="-",
        event=FORGET,
        occurred_at="2026-11-21T05:30:00Z",
        event_id="f",
    )
    return event, Arrival(0, offset, BEGAN_MS + offset * 1000)
