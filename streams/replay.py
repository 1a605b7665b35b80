"""Sessions of a data set -> playback events and when each is due; nothing is sent here.

Pure: no clock, no broker. Times are seconds after the start; who sends an event stamps it with now
(`stamped`), so old data can be streamed at any speed. Sending is player.py's.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from .events import HEARD, SKIPPED_AT_ONCE, UNKNOWN, PlaybackEvent

_USUAL_MS = 210_000  # of a track whose length the data does not tell
_SHARE = (0.5, 1.0, 0.75, 0.3, 0.05)  # of a track that was played, by outcome, where not told


class Occurrence(NamedTuple):
    """One track of a session; times in milliseconds where the data tells them."""

    track_id: str
    outcome: int
    duration_ms: int | None = None
    ms_played: int | None = None


Listening = tuple[str, Sequence[tuple[str, int] | tuple[str, int, int | None, int | None]]]


class Scheduled(NamedTuple):
    """An event, not stamped yet, and when to send it: seconds after the start."""

    at: float
    event: PlaybackEvent


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How fast: either events a second, or the sessions' own time `speed` times faster."""

    rate: float | None = None  # events a second, evenly spaced
    speed: float | None = None  # 1 is real time
    concurrent: int = 50  # sessions under way at once
    starts: bool = False  # a `start` before each play or skip
    seed: int = 0

    def __post_init__(self) -> None:
        if (self.rate is None) == (self.speed is None):
            raise ValueError("give either a rate (events a second) or a speed (1 is real time)")
        if (self.rate or self.speed or 0) <= 0:
            raise ValueError(f"rate and speed must be above 0, got {self.rate or self.speed}")
        if self.concurrent < 1:
            raise ValueError(f"concurrent must be 1 or more, got {self.concurrent}")


def schedule(sessions: Iterable[Listening], pace: Pace, run: str) -> Iterator[Scheduled]:
    """Interleave the sessions' events; the order inside a session is kept and the times never fall.

    `run` goes in front of every session and event id, so replaying the same data twice makes new
    sessions.
    """
    if pace.rate is not None:
        return _at_rate(sessions, pace, run, pace.rate)
    return _in_time(sessions, pace, run, pace.speed or 1.0)


def stamped(event: PlaybackEvent, now: float) -> PlaybackEvent:
    """The event as it is sent at `now`, seconds since 1970."""
    moment = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
    moment = moment.replace("+00:00", "Z")
    return msgspec.structs.replace(event, occurred_at=moment, sent_at=moment)


def _at_rate(
    sessions: Iterable[Listening], pace: Pace, run: str, rate: float
) -> Iterator[Scheduled]:
    """Each event belongs to one of the sessions under way, drawn at random."""
    rng = random.Random(pace.seed)
    waiting = enumerate(sessions)
    active: list[Iterator[tuple[float, PlaybackEvent]]] = []
    sent = 0
    more = True
    while more or active:
        while more and len(active) < pace.concurrent:
            number, listening = next(waiting, (0, None))
            more = listening is not None
            if listening is not None:
                active.append(_events(listening, pace.starts, run, number))
        if not active:
            return
        i = rng.randrange(len(active))
        step = next(active[i], None)
        if step is None:
            active[i] = active[-1]
            active.pop()
            continue
        yield Scheduled(sent / rate, step[1])
        sent += 1


def _in_time(
    sessions: Iterable[Listening], pace: Pace, run: str, speed: float
) -> Iterator[Scheduled]:
    """Each session in its own time; when one ends the next begins in its place."""
    rng = random.Random(pace.seed)
    waiting = enumerate(sessions)
    queue: list[tuple[float, int, PlaybackEvent, Iterator[tuple[float, PlaybackEvent]]]] = []

    def begin(at: float) -> None:
        for number, listening in waiting:
            events = _events(listening, pace.starts, run, number)
            step = next(events, None)
            if step is not None:
                heapq.heappush(queue, (at + step[0] / speed, number, step[1], events))
                return

    for _ in range(pace.concurrent):
        begin(rng.random() * _USUAL_MS / 1000 / speed)  # not all at the same moment
    while queue:
        at, number, event, events = heapq.heappop(queue)
        yield Scheduled(at, event)
        step = next(events, None)
        if step is None:
            begin(at)
        else:
            heapq.heappush(queue, (at + step[0] / speed, number, step[1], events))


def _events(
    listening: Listening, starts: bool, run: str, number: int
) -> Iterator[tuple[float, PlaybackEvent]]:
    """Events of one session, each with the seconds since the one before."""
    session_id = f"{run}-{listening[0]}"
    if len(session_id) > 128:
        raise ValueError(f"session id {session_id!r} is over 128 characters: use a shorter run")
    seq = 0
    idle = 0.0  # seconds played since the last event
    for occurrence in (Occurrence(*entry) for entry in listening[1]):
        played = _played_ms(occurrence) / 1000
        outcome = occurrence.outcome
        if starts or outcome == UNKNOWN:
            yield idle, _event(session_id, occurrence, "start", f"{run}-{number}-{seq}", seq)
            idle, seq = 0.0, seq + 1
        idle += played
        if outcome != UNKNOWN:
            kind = "play" if outcome == HEARD else "skip"
            yield idle, _event(session_id, occurrence, kind, f"{run}-{number}-{seq}", seq)
            idle, seq = 0.0, seq + 1


def _event(
    session_id: str, occurrence: Occurrence, kind: str, event_id: str, seq: int
) -> PlaybackEvent:
    ended = kind != "start"
    return PlaybackEvent(
        session_id=session_id,
        track_id=occurrence.track_id,
        event=kind,
        occurred_at="",
        event_id=event_id,
        seq=seq,
        duration_ms=occurrence.duration_ms,
        ms_played=occurrence.ms_played if ended else None,
        # Strength 1 is the strongest: outcome 4, skipped at once.
        skip_strength=SKIPPED_AT_ONCE + 1 - occurrence.outcome if kind == "skip" else None,
    )


def _played_ms(occurrence: Occurrence) -> float:
    if occurrence.ms_played is not None:
        return occurrence.ms_played
    return (occurrence.duration_ms or _USUAL_MS) * _SHARE[occurrence.outcome]
