"""What a replay sends and when: order, pace, ids, and the outcome that a worker reads back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count, groupby, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.decoding import decode_event
from streams.events import encode
from streams.replay import Pace, Scheduled, schedule, stamped
from tests.strategies import plays

ONE = [("s", [("x", 1), ("y", 4), ("x", 0)])]
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()

paces = st.builds(
    Pace,
    rate=st.just(100.0),
    concurrent=st.integers(1, 5),
    starts=st.booleans(),
    seed=st.integers(0, 9),
) | st.builds(
    Pace,
    speed=st.sampled_from([1.0, 60.0]),
    concurrent=st.integers(1, 5),
    starts=st.booleans(),
    seed=st.integers(0, 9),
)
data_sets = st.lists(plays(), max_size=6).map(
    lambda drawn: [(f"s{i}", session) for i, session in enumerate(drawn)]
)


def kinds(scheduled: list[Scheduled]) -> list[tuple[str, str, int | None]]:
    return [(s.event.track_id, s.event.event, s.event.skip_strength) for s in scheduled]


def test_a_play_a_skip_and_an_unknown_outcome_become_their_events():
    sent = list(schedule(ONE, Pace(rate=10), "run"))
    assert kinds(sent) == [("x", "play", None), ("y", "skip", 1), ("x", "start", None)]
    assert [s.event.seq for s in sent] == [0, 1, 2]


def test_starts_come_before_each_play_or_skip_and_once_for_an_unknown_outcome():
    sent = list(schedule(ONE, Pace(rate=10, starts=True), "run"))
    assert kinds(sent) == [
        ("x", "start", None),
        ("x", "play", None),
        ("y", "start", None),
        ("y", "skip", 1),
        ("x", "start", None),
    ]


def test_a_rate_spaces_events_evenly_whatever_the_sessions():
    sent = list(schedule([*ONE, ("t", [("x", 1)] * 3)], Pace(rate=4), "run"))
    assert [s.at for s in sent] == [0.0, 0.25, 0.5, 0.75, 1.0, 1.25]


def test_real_time_follows_what_was_played_and_speed_divides_it():
    played = [("x", 1, 100_000, 100_000), ("y", 4, 200_000, 8_000), ("x", 0, None, None)]
    for speed in (1.0, 10.0):
        sent = list(schedule([("s", played)], Pace(speed=speed, starts=True, concurrent=1), "run"))
        waits = [(b.at - a.at) * speed for a, b in pairwise(sent)]
        assert waits == pytest.approx([100.0, 0.0, 8.0, 0.0])


def test_durations_travel_with_the_event_that_ends_the_track():
    session = [("s", [("x", 4, 200_000, 8_000)])]
    start, skip = (s.event for s in schedule(session, Pace(rate=1, starts=True), "run"))
    assert (start.duration_ms, start.ms_played) == (200_000, None)
    assert (skip.duration_ms, skip.ms_played) == (200_000, 8_000)


def test_no_more_sessions_are_under_way_than_asked_for():
    sessions = [(f"s{i}", [("x", 1)] * 5) for i in range(20)]
    under_way: Counter[str] = Counter()
    for scheduled in schedule(sessions, Pace(rate=1, concurrent=3), "run"):
        under_way[scheduled.event.session_id] += 1
        assert sum(0 < sent < 5 for sent in under_way.values()) <= 3
    assert sum(under_way.values()) == 100


def test_sessions_interleave_and_the_seed_decides_how():
    sessions = [(f"s{i}", [("x", 1)] * 10) for i in range(5)]

    def order(seed: int) -> list[str]:
        return [s.event.session_id for s in schedule(sessions, Pace(rate=1, seed=seed), "run")]

    assert len(list(groupby(order(0)))) > 20
    assert order(0) == order(0) != order(1)


def test_sending_stamps_an_event_with_now():
    event = stamped(next(iter(schedule(ONE, Pace(rate=1), "run"))).event, NOW)
    assert event.occurred_at == event.sent_at == "2026-11-21T12:00:00.000Z"


def test_an_endless_source_is_read_only_as_far_as_needed():
    endless: Iterator[tuple[str, list[tuple[str, int]]]] = ((f"s{i}", [("x", 1)]) for i in count())
    sent = schedule(endless, Pace(rate=1, concurrent=2), "run")
    assert len([next(sent) for _ in range(100)]) == 100


@given(data_sets, paces)
def test_every_occurrence_is_sent_once_in_its_session_s_order(sessions, pace):
    sent = list(schedule(sessions, pace, "run"))
    for name, session in sessions:
        events = [s.event for s in sent if s.event.session_id == f"run-{name}"]
        ends = [e for e in events if e.event != "start"]
        assert [(e.track_id, e.outcome) for e in ends] == [p for p in session if p[1] != 0]
        expected = sum(1 if outcome == 0 else 1 + pace.starts for _, outcome in session)
        assert len(events) == expected
        assert [e.seq for e in events] == list(range(expected))


@given(data_sets, paces)
def test_times_never_fall_and_event_ids_never_repeat(sessions, pace):
    sent = list(schedule(sessions, pace, "run"))
    assert all(a.at <= b.at for a, b in pairwise(sent))
    assert len({s.event.event_id for s in sent}) == len(sent)


@given(data_sets, paces)
def test_two_runs_share_neither_sessions_nor_events(sessions, pace):
    one, two = (list(schedule(sessions, pace, run)) for run in ("one", "two"))
    assert [s.at for s in one] == [s.at for s in two]
    for name in ("session_id", "event_id"):
        assert not {getattr(s.event, name) for s in one} & {getattr(s.event, name) for s in two}


@given(data_sets, paces)
def test_a_worker_reads_every_event_and_the_same_outcome(sessions, pace):
    for scheduled in schedule(sessions, pace, "run"):
        event = stamped(scheduled.event, NOW)
        read = decode_event(encode(event), int(NOW * 1000))
        assert (read.outcome, read.id) == (event.outcome, event.event_id)


@pytest.mark.parametrize(
    "wrong", [{}, {"rate": 1, "speed": 1}, {"rate": 0}, {"speed": -1}, {"rate": 1, "concurrent": 0}]
)
def test_a_pace_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match=r"rate|concurrent"):
        Pace(**wrong)


def test_a_session_id_too_long_for_the_contract_is_refused():
    with pytest.raises(ValueError, match="over 128 characters"):
        list(schedule([("s" * 128, [("x", 1)])], Pace(rate=1), "run"))
