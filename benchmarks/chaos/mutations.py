"""Values that players might send, made without end: valid events, changed here and there, or noise.

Which of them keep the contract nobody says here: streams/decoding.py does, for whoever asks.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from streams.recommendations import rfc3339

SESSIONS = 4000
"""Over which the generated events are spread. Few get more than 64 of 100,000: a later duplicate of
an id, which a changed byte may make, would be taken for a new event."""
_OFF_DAYS = (-3650.0, -8.0, -6.9, -1.0, -0.01, 0.01, 0.04, 0.05, 1.0, 3650.0)
_WORDS = (  # of each kind that has broken a parser
    "",
    "x",
    "\x00",
    "a\nb",
    "ключ",
    "🎧" * 40,
    "x" * 127,
    "x" * 129,
    "\ud800",
    "null",
    "'\";--",
)
_NUMBERS = (0, -1, 1, 3, 2**31, 2**53, 2**53 + 1, -(2**63), 2**64, 1e400, -0.0, 1.5, 1e-300)
_WORTHLESS: tuple[Any, ...] = (None, True, False, [], {}, [[[[]]]], {"a": {"b": []}})
_TIMES = (
    "",
    "now",
    "2026-02-30T00:00:00Z",
    "2026-11-24",
    "2026-11-24T08:00:00",
    "0000-00-00T00:00:00Z",
)


class Generated(NamedTuple):
    """A record for the events topic."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


def generated(rng: random.Random, now_ms: float, tracks: list[str]) -> Iterator[Generated]:
    """Give one after the other, without end; the same for the same seed, time and tracks."""
    number = 0
    while True:
        session = f"g{rng.randrange(SESSIONS)}"
        key: bytes | None = session.encode()
        kind = rng.random()
        if kind < 0.02:
            value: bytes | None = rng.randbytes(rng.randrange(2000))
        else:
            event = good(rng, now_ms, session, rng.choice(tracks), f"{session}-{number}")
            for _ in range(rng.choice((0, 0, 0, 1, 1, 1, 2, 3))):
                rng.choice(FIELDS)(rng, event)
            value = json.dumps(
                event, separators=(",", ":"), ensure_ascii=rng.random() < 0.5
            ).encode(errors="surrogatepass")
            if kind < 0.35:
                for _ in range(rng.choice((1, 1, 1, 2, 4))):
                    value = rng.choice(BYTES)(rng, value)
        if rng.random() < 0.01:
            # Their sessions go where their key says, which nobody can hold against a history.
            key = rng.choice((None, b"", rng.randbytes(rng.randrange(1, 300))))
            value = value and value.replace(session.encode(), b"w%d" % number)
        count = rng.randrange(9) if rng.random() < 0.02 else 0
        yield Generated(key, value, tuple(("h" * n, rng.randbytes(9)) for n in range(count)))
        number += 1


def good(
    rng: random.Random, now_ms: float, session_id: str, track_id: str, event_id: str
) -> dict[str, Any]:
    """An event that keeps the contract, with some of what may be left out."""
    event: dict[str, Any] = {
        "session_id": session_id,
        "track_id": track_id,
        "event": rng.choice(("start", "play", "play", "skip")),
        "occurred_at": rfc3339(now_ms),
        "event_id": event_id,
    }
    optional = {
        "seq": rng.randrange(1000),
        "ms_played": rng.randrange(300_000),
        "duration_ms": rng.randrange(1, 300_000),
        "skip_strength": rng.randint(1, 3),
        "reason_start": rng.choice(("clickrow", "fwdbtn", "trackdone", "somehow")),
        "context_type": rng.choice(("radio", "charts", "elsewhere")),
        "shuffle": rng.random() < 0.5,
        "user_id": "u1",
        "schema_version": 1,
        "mood": ["not", {"known": 1}],
    }
    return event | {name: value for name, value in optional.items() if rng.random() < 0.3}


def _left_out(rng: random.Random, event: dict[str, Any]) -> None:
    if event:
        del event[rng.choice(sorted(event))]


def _other_value(rng: random.Random, event: dict[str, Any]) -> None:
    if event:
        pool = rng.choice((_WORDS, _NUMBERS, _WORTHLESS))
        # Who it is of stays, or it would be an event of somebody else's session.
        names = sorted(event.keys() - {"session_id"}) or ["mood"]
        event[rng.choice(names)] = rng.choice(pool)


def _other_session(rng: random.Random, event: dict[str, Any]) -> None:
    """What no session_id may be: such an event is refused and belongs to nobody."""
    event["session_id"] = rng.choice(("", "\x00", "x" * 129, 7, None, ["g1"], "a\x7f"))


def _other_time(rng: random.Random, event: dict[str, Any]) -> None:
    """No time, or one that is years, days or minutes off; some of it the contract allows."""
    moment = rng.choice((*_TIMES, *_OFF_DAYS))
    if isinstance(moment, str):
        event["occurred_at"] = moment
    elif isinstance(event.get("occurred_at"), str):
        with suppress(ValueError):
            now = datetime.fromisoformat(event["occurred_at"])
            event["occurred_at"] = (now + timedelta(days=moment)).isoformat()


def _unknown_field(rng: random.Random, event: dict[str, Any]) -> None:
    event[rng.choice(_WORDS)] = rng.choice((*_WORTHLESS, "y" * rng.randrange(300)))


def _nested(rng: random.Random, event: dict[str, Any]) -> None:
    depth = rng.choice((2, 50, 400))
    nested: list[Any] = []
    for _ in range(depth):
        nested = [nested]
    event["mood"] = nested


def _bulky(rng: random.Random, event: dict[str, Any]) -> None:
    event["mood"] = "z" * rng.choice((5_000, 9_000, 10_240, 20_000))


FIELDS: tuple[Callable[[random.Random, dict[str, Any]], None], ...] = (
    _left_out, _other_value, _other_value, _other_session, _other_time, 
    _unknown_field, _nested, _bulky,
)  # fmt: skip


def _cut(rng: random.Random, raw: bytes) -> bytes:
    return raw[: rng.randrange(len(raw) + 1)]


def _flipped(rng: random.Random, raw: bytes) -> bytes:
    if not raw:
        return raw
    at = rng.randrange(len(raw))
    return raw[:at] + bytes([raw[at] ^ 1 << rng.randrange(8)]) + raw[at + 1 :]


def _inserted(rng: random.Random, raw: bytes) -> bytes:
    at = rng.randrange(len(raw) + 1)
    return raw[:at] + rng.randbytes(rng.randint(1, 8)) + raw[at:]


def _token(rng: random.Random, raw: bytes) -> bytes:
    """A piece that means something to a parser."""
    at = rng.randrange(len(raw) + 1)
    pieces = (b"{", b"}", b"[", b'"', b",", b":", b"\\", b"NaN", b"1e999", b"\\u0000", b"\xff")
    return raw[:at] + rng.choice(pieces) + raw[at:]


def _given_twice(rng: random.Random, raw: bytes) -> bytes:
    return raw.replace(b"{", b'{"event":"skip",', 1)


def _wrapped(rng: random.Random, raw: bytes) -> bytes:
    """As another serializer would have it."""
    front = (b"\x00\x00\x00\x00\x07", b"\x00", b"\xef\xbb\xbf", b" ", b"[", b"\xfe\xff")
    return rng.choice(front) + raw


BYTES: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    _cut, _flipped, _inserted, _token, _given_twice, _wrapped,
)  # fmt: skip
