"""The load of a seed: the same again, at its rate, with repeats, skips and unknown tracks in it."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import msgspec
import pytest

from benchmarks.chaos.players import Load, events, options
from streams.events import PlaybackEvent

LOAD = Load(
    bootstrap="nowhere:1", topic="events", rate=100, seconds=30, tracks=200, seed=5,
    bursts=((10.0, 15.0, 5.0),),
)  # fmt: skip


def test_a_seed_is_a_load():
    assert list(events(LOAD)) == list(events(LOAD))
    assert list(events(replace(LOAD, seed=6))) != list(events(LOAD))


def test_a_burst_is_five_times_the_rate():
    found = Counter(int(one.at) for one in events(LOAD))
    assert found[5] == pytest.approx(100, abs=1)
    assert found[12] == pytest.approx(500, abs=1)
    assert max(one.at for one in events(LOAD)) < 30


def test_times_never_fall_and_a_session_keeps_its_order():
    found = list(events(LOAD))
    assert all(one.at <= other.at for one, other in pairwise(found))
    first: dict[str | None, PlaybackEvent] = {}
    for one in found:
        first.setdefault(one.event.event_id, one.event)
    by_session: dict[str, list[int | None]] = {}
    for event in first.values():
        by_session.setdefault(event.session_id, []).append(event.seq)
    assert all(seqs == list(range(len(seqs))) for seqs in by_session.values())


def test_some_events_come_twice_and_some_tracks_are_in_no_catalog():
    counts = Counter(one.event.event_id for one in events(LOAD))
    assert 10 < sum(count == 2 for count in counts.values()) < 120
    assert any(one.event.track_id.startswith("new-") for one in events(LOAD))
    assert {one.event.event for one in events(LOAD)} == {"start", "play", "skip"}


def test_a_load_goes_through_a_command_line():
    assert Load(**msgspec.json.decode(options(LOAD))).rate == LOAD.rate
