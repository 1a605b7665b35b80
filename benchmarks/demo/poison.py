"""Events that break the contract, sent among the others so that dead letters are seen and counted.

They are the demo's own, and say so in every id they have; no listener sent them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

SECONDS = 4.0
"""Between two of them."""
_LABEL = "demo-poison"


class Poison(NamedTuple):
    """A record, and the reason for which it must be refused."""

    reason: str
    key: bytes
    value: bytes | None


def poison(now: str) -> Iterator[Poison]:
    """Give one kind after the other, without end; `now` is RFC 3339."""
    for number in count():
        for reason, value in _kinds(f"{_LABEL}-{number}", now):
            yield Poison(reason, f"{_LABEL}-{number}".encode(), value)


def _kinds(name: str, now: str) -> Iterator[tuple[str, bytes | None]]:
    event = {"session_id": name, "track_id": name, "event": "play", "occurred_at": now}
    yield "not_json", json.dumps(event)[:-9].encode()
    yield "missing_field", json.dumps({k: event[k] for k in event if k != "track_id"}).encode()
    yield "bad_type", json.dumps({**event, "ms_played": "long"}).encode()
    yield "empty", None
    yield "not_utf8", json.dumps({**event, "user_id": "?"}).encode().replace(b"?", b"\xff")
    yield "out_of_time", json.dumps({**event, "occurred_at": "1999-12-31T23:59:59Z"}).encode()
    yield "too_large", json.dumps({**event, "user_id": "x" * 20_000}).encode()
    yield "duplicate_key", json.dumps(event).encode().replace(b"{", b'{"event": "skip", ', 1)
