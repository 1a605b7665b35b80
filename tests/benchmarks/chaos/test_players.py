"""The load of a seed: the same again, at its rate, with repeats, skips and unknown tracks in it."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import msgspec
import pytest

from benchmarks.chaos.players import Load, events, options, told_at
from streams.events import PlaybackEvent

LOAD = Load(
    bootstrap="nowhere:1", topic="events", rate=100, seconds=30, tracks=200, data="", seed=5,
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


def test_some_clocks_are_off_for_a_while_and_each_player_has_one_clock():
    load = replace(LOAD, skews=((10.0, 20.0, 3000.0),))
    played = {one.event.session_id: one.event for one in events(load)}.values()
    assert all(told_at(load, event, 1009.9, 1000.0) == 1009.9 for event in played)
    assert all(told_at(load, event, 1020.0, 1000.0) == 1020.0 for event in played)
    ahead = Counter(told_at(load, event, 1010.0, 1000.0) - 1010.0 for event in played)
    assert set(ahead) == {0.0, 3000.0}
    assert 0.2 < ahead[3000.0] / len(played) < 0.5


def test_a_load_goes_through_a_command_line():
    assert Load(**msgspec.json.decode(options(LOAD))).rate == LOAD.rate
