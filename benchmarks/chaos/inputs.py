"""What is sent to a worker by `segue chaos inputs`: poison of every kind among good neighbours.

Only records are made here, in the order in which they go out; judging is in inputs_run.py.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from aiokafka.partitioner import murmur2

from streams.recommendations import rfc3339

from .mutations import generated
from .payloads import hostile_payloads

NEIGHBOURS = 40  # sessions
NEIGHBOUR_EVENTS = 25  # of each
MIB = 1 << 20
TOO_BIG = 10 * MIB
WIDE_HEADERS = 1000
REPEATED = 100
SHUFFLED = 60  # events of a session: fewer than the ids that are remembered
MISPLACED = 50


class Sent(NamedTuple):
    """A record to send, and what it is; `partition` where its key is not to decide."""

    kind: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int | None = None


class Plan(NamedTuple):
    """How much of what."""

    generated: int  # records made by mutations.py
    hot: int  # events of one session


def records(
    plan: Plan, seed: int, now_ms: float, tracks: list[str], partitions: int
) -> Iterator[Sent]:
    """Give all of them, well mixed; those of one kind stay in their order.

    The same for the same arguments.
    """
    rng = random.Random(seed)
    sources = [
        (plan.generated, _generated(seed, now_ms, tracks)),
        (NEIGHBOURS * NEIGHBOUR_EVENTS, neighbours(seed, now_ms, tracks)),
        (plan.hot, _hot(seed, now_ms, tracks)),
    ]
    specials = (
        _named(now_ms),
        _oversized(now_ms),
        _bare(now_ms, partitions),
        _misplaced(now_ms, tracks, partitions),
        _repeated(now_ms, tracks),
        _disordered(seed, now_ms, tracks),
        _skewed(now_ms, tracks),
    )
    sources += [(len(made), iter(made)) for made in map(list, specials)]
    deck = bytearray()
    for number, (size, _) in enumerate(sources):
        deck += bytes([number]) * size
    rng.shuffle(deck)
    for number in deck:
        yield next(sources[number][1])


def total(plan: Plan, partitions: int) -> int:
    """How many records a plan makes, whatever its seed."""
    fixed = Plan(0, 0)
    return sum(plan) + sum(1 for _ in records(fixed, 0, 0.0, ["t"], partitions))


def neighbours(seed: int, now_ms: float, tracks: list[str]) -> Iterator[Sent]:
    """Sessions that do everything right, one event of each in turn."""
    rng = random.Random(f"neighbours-{seed}")
    for number in range(NEIGHBOUR_EVENTS):
        for who in range(NEIGHBOURS):
            yield sound("neighbour", f"neighbour-{who}", f"n{number}", rng.choice(tracks), now_ms)


def _generated(seed: int, now_ms: float, tracks: list[str]) -> Iterator[Sent]:
    for key, value, headers in generated(random.Random(f"generated-{seed}"), now_ms, tracks):
        yield Sent("generated", key, value, headers)


def _named(now_ms: float) -> Iterator[Sent]:
    """The 26, under keys of neighbours: they lie in the neighbours' partitions."""
    for number, hostile in enumerate(hostile_payloads(now_ms)):
        key = f"neighbour-{number % NEIGHBOURS}".encode()
        yield Sent(f"named: {hostile.reason}", key, hostile.value)


def _oversized(now_ms: float) -> Iterator[Sent]:
    long = "s" * MIB
    yield sound("1 MB session id", long, "e", "t", now_ms)
    yield Sent("10 MB value", b"neighbour-1", b"x" * TOO_BIG)
    padded = _json("neighbour-2", "padded", "t", now_ms)[:-1] + b',"mood":"'
    yield Sent("10 MB value", b"neighbour-2", padded + b"y" * (TOO_BIG - len(padded) - 2) + b'"}')
    yield Sent("1 MB key", long.encode(), _json("neighbour-3", "long key", "t", now_ms)[:-1])


def _bare(now_ms: float, partitions: int) -> Iterator[Sent]:
    good = _json("bare", "null key", "t1", now_ms)
    yield Sent("null key", None, good, partition=home("bare", partitions))
    yield Sent("null value", b"bare", None)
    yield Sent("null key and value", None, None)
    headers = tuple((f"h{number}", b"x" * 20) for number in range(WIDE_HEADERS))
    yield Sent("1,000 headers", b"wide", _json("wide", "headers", "t1", now_ms), headers)


def _misplaced(now_ms: float, tracks: list[str], partitions: int) -> Iterator[Sent]:
    """Events of a producer with another partitioner: all in the partition after their own."""
    for number in range(MISPLACED):
        session = f"misplaced-{number}"
        record = sound("misplaced", session, "e", tracks[number % len(tracks)], now_ms)
        yield record._replace(partition=(home(session, partitions) + 1) % partitions)


def _repeated(now_ms: float, tracks: list[str]) -> Iterator[Sent]:
    for number in range(REPEATED):
        yield sound("repeated", "repeated", "always the same", tracks[0], now_ms)
        if not number:
            yield sound("repeated", "repeated", "another between", tracks[-1], now_ms)


def _disordered(seed: int, now_ms: float, tracks: list[str]) -> Iterator[Sent]:
    """Events in another order than they have numbers and times; late ones by up to six days."""
    rng = random.Random(f"disordered-{seed}")
    for session, step_ms in (("shuffled", 1000), ("late", 6 * 86_400_000 // SHUFFLED)):
        numbers = list(range(SHUFFLED))
        rng.shuffle(numbers)
        for number in numbers:
            at = now_ms - (SHUFFLED - number) * step_ms
            yield sound(session, session, f"e{number}", rng.choice(tracks), at)


def _skewed(now_ms: float, tracks: list[str]) -> Iterator[Sent]:
    """Clocks that are off by minutes, which is allowed, or by hours and years, which is not."""
    for number, hours in enumerate((-87_600, -169, -100, 0.5, 0.9, 1.5, 24, 87_600)):
        moment = datetime.fromisoformat(rfc3339(now_ms)) + timedelta(hours=hours)
        event = json.loads(_json("skewed", f"e{number}", tracks[0], now_ms))
        event["occurred_at"] = moment.isoformat()
        yield Sent("clock skew", b"skewed", json.dumps(event).encode())


def _hot(seed: int, now_ms: float, tracks: list[str]) -> Iterator[Sent]:
    rng = random.Random(f"hot-{seed}")
    number = 0
    while True:
        yield sound("hot", "hot", f"e{number}", rng.choice(tracks), now_ms)
        number += 1


def home(session_id: str, partitions: int) -> int:
    """The partition that murmur2 gives a session."""
    return int((murmur2(session_id.encode()) & 0x7FFFFFFF) % partitions)


def sound(kind: str, session_id: str, event_id: str, track_id: str, at_ms: float) -> Sent:
    """A record of an event that does everything right."""
    return Sent(kind, session_id.encode(), _json(session_id, event_id, track_id, at_ms))


def _json(session_id: str, event_id: str, track_id: str, at_ms: float) -> bytes:
    event = {
        "session_id": session_id,
        "track_id": track_id,
        "event": "play",
        "occurred_at": rfc3339(at_ms),
        "event_id": event_id,
    }
    return json.dumps(event, separators=(",", ":")).encode()
