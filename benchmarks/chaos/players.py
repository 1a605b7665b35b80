"""The load: sessions replayed at a rate, now and then an event twice, and the ledger of it all.

Run as `python -m benchmarks.chaos.players OPTIONS OUT` in a process of its own, `OPTIONS` being
JSON; `begun AT` on stdout says when the first event is due, in seconds since 1970. In the end OUT
holds what the brokers acknowledged. What is sent and when is pure, and follows from the seed.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path

from streams.events import HEARD, UNKNOWN, PlaybackEvent
from streams.player import Ledger, play
from streams.replay import Listening, Pace, Scheduled, schedule, stamped

from .. import stand_in

SKEWED = 3
"""One player in so many has a clock that is off, while there are such."""
TWICE = 0.01
"""Of the events are sent a second time, some events later."""
_LENGTH = 20  # tracks of a session at the most
_IN_FLIGHT = 100_000
_PATIENCE = 60.0  # seconds without one acknowledgement


@dataclass(frozen=True)
class Load:
    """What is to be sent."""

    bootstrap: str
    topic: str
    rate: float  # events a second
    seconds: float
    tracks: int  # in the catalog
    data: str  # whose sessions are played, over and over; "": of tracks at random
    seed: int
    bursts: Sequence[tuple[float, float, float]] = ()  # from, to (seconds), times the rate
    skews: Sequence[tuple[float, float, float]] = ()  # from, to, seconds that clocks are ahead


def events(load: Load) -> Iterator[Scheduled]:
    """Everything that is sent, and when it is due."""
    pace = Pace(rate=load.rate, concurrent=max(20, round(load.rate)), starts=True, seed=load.seed)
    run = f"c{load.seed}"
    listening = _replayed(load.data) if load.data else _listening(load)
    scheduled = schedule(listening, pace, run)
    return _paced(_some_twice(scheduled, random.Random(load.seed)), load)


def _listening(load: Load) -> Iterator[Listening]:
    rng = random.Random(f"sessions {load.seed}")
    # One track in fifty is in no catalog.
    tracks = [*stand_in.track_ids(load.tracks), *(f"new-{n}" for n in range(load.tracks // 50))]
    for number in count():
        length = rng.randint(2, _LENGTH)
        outcomes = rng.choices((HEARD, 2, 3, 4, UNKNOWN), (60, 10, 10, 15, 5), k=length)
        yield f"{number}", [(rng.choice(tracks), outcome) for outcome in outcomes]


def _replayed(data: str) -> Iterator[Listening]:
    from models.data.sources import open_source

    for again in count():
        for session_id, tracks in open_source(data).listenings():
            yield f"{again}-{session_id}", tracks


def _some_twice(scheduled: Iterable[Scheduled], rng: random.Random) -> Iterator[Scheduled]:
    """Send some events again, a few later, at the time of the one that comes then."""
    waiting: list[tuple[int, Scheduled]] = []
    for number, one in enumerate(scheduled):
        yield one
        while waiting and waiting[0][0] <= number:
            yield Scheduled(one.at, waiting.pop(0)[1].event)
        if rng.random() < TWICE:
            waiting.append((number + rng.randint(1, 30), one))
            waiting.sort(key=lambda entry: entry[0])


def _paced(scheduled: Iterable[Scheduled], load: Load) -> Iterator[Scheduled]:
    """Space the events by the rate of each moment."""
    at = 0.0
    for one in scheduled:
        if at >= load.seconds:
            return
        yield Scheduled(at, one.event)
        times = next((t for begin, end, t in load.bursts if begin <= at < end), 1.0)
        at += 1 / (load.rate * times)


def told_at(load: Load, event: PlaybackEvent, now: float, began: float) -> float:
    """What the clock of the event's player says at `now`, seconds since 1970."""
    mine = zlib.crc32(event.session_id.encode()) % SKEWED == 0
    ahead = (by for begin, end, by in load.skews if mine and begin <= now - began < end)
    return now + next(ahead, 0.0)


def main(arguments: Sequence[str]) -> None:
    """Send a load and write the ledger."""
    said = json.loads(arguments[0])
    load = Load(**said)
    stop = threading.Event()
    began = [0.0]

    def progress(ledger: Ledger) -> None:
        if not began[0]:
            began[0] = time.time()
            print(f"begun {began[0]}", flush=True)

    def stamp(event: PlaybackEvent, now: float) -> PlaybackEvent:
        return stamped(event, told_at(load, event, now, began[0]))

    ledger = play(
        events(load), bootstrap=load.bootstrap, topic=load.topic, stop=stop,
        in_flight=_IN_FLIGHT, patience=_PATIENCE, progress=progress, stamp=stamp,
    )  # fmt: skip
    fresh = Path(arguments[1]).with_suffix(".part")
    fresh.write_text(
        json.dumps(
            {
                "sent": ledger.sent,
                "behind": round(ledger.behind, 3),
                "failed": ledger.failed,
                "acknowledged": [list(entry)[1:] for entry in ledger.acknowledged],
            }
        )
    )
    fresh.rename(arguments[1])


def options(load: Load) -> str:
    """A load as the command line has it."""
    return json.dumps(asdict(load))


if __name__ == "__main__":
    main(sys.argv[1:])
