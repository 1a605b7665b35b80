"""Latency, versions and pace as the demo reads them off the topics."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.demo.figures import Figures, Meter, Percentiles, percentiles


def event(track: str = "t") -> bytes:
    return json.dumps({"session_id": "s", "track_id": track}).encode()


def listed(offset: int, version: str = "1", fallback: str | None = None) -> bytes:
    return json.dumps(
        {
            "session_id": "s",
            "model_version": version,
            "fallback": fallback,
            "source": {"partition": 0, "offset": offset},
            "items": [{"track_id": name} for name in "abcd"],
        }
    ).encode()


def test_latency_is_from_the_events_append_to_the_lists():
    figures = Figures()
    figures.event((0, 0), event(), 1000)
    figures.recommendation(listed(0), 1012)
    assert list(figures.latencies) == [12]


def test_a_list_that_is_read_before_its_event_has_the_same_latency():
    figures = Figures()
    figures.recommendation(listed(0), 1012)
    figures.event((0, 0), event(), 1000)
    assert list(figures.latencies) == [12]


def test_only_the_first_answer_to_an_event_is_timed_and_counted():
    figures = Figures()
    figures.event((0, 0), event(), 1000)
    for appended_ms in (1012, 5000):
        figures.recommendation(listed(0), appended_ms)
    assert list(figures.latencies) == [12]
    assert figures.versions == {"1": 1}


def test_what_is_older_than_ten_seconds_is_not_of_late():
    figures = Figures()
    for offset, (appended, latency) in enumerate([(0, 500), (11_000, 5)]):
        figures.event((0, offset), event(), appended)
        figures.recommendation(listed(offset), appended + latency)
    assert figures.of_late() == Percentiles(5, 5, 5)
    assert figures.overall() == Percentiles(5, 500, 500)


def test_the_first_list_is_kept_with_the_track_it_follows():
    figures = Figures()
    for offset, track in enumerate(("one", "two")):
        figures.event((0, offset), event(track), 0)
        figures.recommendation(listed(offset), 1)
    assert figures.first is not None
    shown, track = figures.first
    assert (track, shown.next_tracks()) == ("one", ["a", "b", "c"])
    assert figures.latest is not None
    assert figures.latest[1] == "two"


def test_poison_is_passed_over():
    figures = Figures()
    figures.event((0, 0), b"{", 0)
    figures.event((0, 1), None, 0)
    assert figures.overall() is None


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=300))
def test_percentiles_are_latencies_that_enough_lists_stayed_within(latencies):
    found = percentiles(latencies)
    assert found is not None
    for share, value in zip((0.5, 0.9, 0.99), found, strict=True):
        within = sum(latency <= value for latency in latencies) / len(latencies)
        below = sum(latency < value for latency in latencies) / len(latencies)
        assert value in latencies
        assert below < share <= within + 1e-12


def test_the_pace_is_of_the_last_ten_seconds():
    meter = Meter()
    assert meter.per_second == 0
    for second in range(30):
        meter.read(second, 100 * second if second < 15 else 1400)
    assert meter.per_second == 0
    meter.read(30, 1450)
    assert meter.per_second == pytest.approx(5)
