"""What flows: latency, model versions, the newest list, the pace; from records as they are read.

Latency is from the broker's append of an event to its append of the recommendation: two timestamps
of one clock, in whole milliseconds, with no reader in between (the demo's recommendations topic has
LogAppendTime, as the events topic always has). The first answer to an event counts. Quality is in
quality.py, the accounting in streams/audit.py.
"""

from __future__ import annotations

from array import array
from collections import Counter, deque
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from streams.audit import Offset
from streams.events import Source

RECENT_SECONDS = 10
"""What "of late" means."""


class Percentiles(NamedTuple):
    """Milliseconds; nearest rank, so each is a latency that somebody had."""

    p50: float
    p90: float
    p99: float


class _Item(msgspec.Struct):
    track_id: str


class Shown(msgspec.Struct):
    """The part of a Recommendation that is looked at."""

    session_id: str
    model_version: str
    fallback: str | None
    source: Source
    items: list[_Item]

    def next_tracks(self, count: int = 3) -> list[str]:
        """The best of the list."""
        return [item.track_id for item in self.items[:count]]


class _Event(msgspec.Struct):
    session_id: str
    track_id: str


_shown = msgspec.json.Decoder(Shown)
_event = msgspec.json.Decoder(_Event)


class Figures:
    """Takes records of the events and recommendations topics, in any order between the two."""

    def __init__(self) -> None:
        self.latencies = array("I")
        self.versions: Counter[str] = Counter()  # lists by model version, in order of appearance
        self.fallbacks: Counter[str] = Counter()
        self.first: tuple[Shown, str] | None = None  # the first list, and the track it follows
        self.latest: tuple[Shown, str] | None = None
        self._appended: dict[Offset, tuple[int, str]] = {}  # when, and the track; not yet answered
        self._early: dict[Offset, tuple[int, Shown]] = {}  # lists read ahead of their event
        self._recent: deque[tuple[int, int]] = deque()  # when, and the latency
        self._done: set[Offset] = set()
        self._now = 0  # the newest list's append

    def event(self, place: Offset, value: bytes | None, appended_ms: int) -> None:
        """Take an event; one that cannot be read gets no list, and so has no latency."""
        try:
            track = _event.decode(value or b"").track_id
        except msgspec.DecodeError:
            return
        early = self._early.pop(place, None)
        if early is not None:
            self._answered(early[1], track, early[0] - appended_ms, early[0])
        else:
            self._appended[place] = (appended_ms, track)

    def recommendation(self, value: bytes | None, appended_ms: int) -> None:
        """Take a list; further deliveries of one are passed over."""
        shown = _shown.decode(value or b"")
        place = (shown.source.partition, shown.source.offset)
        if place in self._done:
            return
        self._done.add(place)
        asked = self._appended.pop(place, None)
        if asked is None:
            self._early[place] = (appended_ms, shown)
        else:
            self._answered(shown, asked[1], appended_ms - asked[0], appended_ms)

    def of_late(self) -> Percentiles | None:
        """Latency of the lists of the last ten seconds."""
        return percentiles([latency for _, latency in self._recent])

    def overall(self) -> Percentiles | None:
        """Latency of all lists."""
        return percentiles(self.latencies)

    def _answered(self, shown: Shown, track: str, latency: int, at_ms: int) -> None:
        self._now = max(self._now, at_ms)
        self.latencies.append(max(0, latency))
        self._recent.append((at_ms, latency))
        while self._recent and self._recent[0][0] < self._now - 1000 * RECENT_SECONDS:
            self._recent.popleft()
        self.versions[shown.model_version] += 1
        self.fallbacks[shown.fallback or "none"] += 1
        self.latest = (shown, track)
        self.first = self.first or self.latest


class Meter:
    """A pace of late, from totals that are read off now and then."""

    def __init__(self) -> None:
        self._readings: deque[tuple[float, int]] = deque()

    def read(self, at: float, total: int) -> None:
        """Note a total; `at` is in seconds and never falls."""
        self._readings.append((at, total))
        while self._readings[0][0] < at - RECENT_SECONDS:
            self._readings.popleft()

    @property
    def per_second(self) -> float:
        """0 before there are two readings."""
        if len(self._readings) < 2:
            return 0.0
        (began, before), (ended, after) = self._readings[0], self._readings[-1]
        return (after - before) / (ended - began) if ended > began else 0.0


def percentiles(latencies: Sequence[int]) -> Percentiles | None:
    """Sum up latencies; None where there are none."""
    if not latencies:
        return None
    ordered = sorted(latencies)
    last = len(ordered) - 1
    # Rank ceil(q * n), counted from 1, without a float's error: -(-a // b) is the ceiling.
    ranks = (min(last, -(-q * len(ordered) // 100) - 1) for q in (50, 90, 99))
    return Percentiles(*(float(ordered[rank]) for rank in ranks))
