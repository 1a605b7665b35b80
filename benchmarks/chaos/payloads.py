"""Twenty-six values that no player should send, and the reason each must be refused with."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import NamedTuple

from streams.decoding import MAX_EVENT_BYTES
from streams.recommendations import rfc3339

HOUR_MS = 3_600_000


class Hostile(NamedTuple):
    """A value of the events topic, and the reason with which it must be refused."""

    name: str
    value: bytes | None
    reason: str


def good_event(now_ms: float, **changes: object) -> dict[str, object]:
    """An event that breaks nothing, as a dictionary; what is wrong comes through `changes`."""
    event = {
        "session_id": "s1",
        "track_id": "t1",
        "event": "play",
        "occurred_at": rfc3339(now_ms),
    }
    return event | changes


def hostile_payloads(now_ms: float) -> tuple[Hostile, ...]:
    """The payloads as seen from `now_ms`: only what its name says is wrong with each."""
    good = _json(good_event(now_ms))
    naive = datetime.fromtimestamp(now_ms / 1000, UTC).replace(tzinfo=None).isoformat()

    def changed(**changes: object) -> bytes:
        return _json(good_event(now_ms, **changes))

    def without(field: str) -> bytes:
        return _json({k: v for k, v in good_event(now_ms).items() if k != field})

    def extended(more: bytes) -> bytes:
        return good[:-1] + b"," + more + b"}"

    size = MAX_EVENT_BYTES + 1
    return (
        Hostile("empty", b"", "empty"),
        Hostile("null value", None, "empty"),
        Hostile("one byte too long", good[:-1] + b" " * (size - len(good)) + b"}", "too_large"),
        Hostile("utf-16", good.decode().encode("utf-16"), "not_utf8"),
        Hostile("invalid utf-8 in an ignored field", extended(b'"mood":"\xff"'), "not_utf8"),
        Hostile("utf-8 byte order mark", b"\xef\xbb\xbf" + good, "not_json"),
        Hostile("not json", b"play t1", "not_json"),
        Hostile("cut off", good[:-9], "not_json"),
        Hostile("garbage behind", good + b"\n" + good, "not_json"),
        Hostile("schema id and nothing behind", b"\x00\x00\x00\x00\x01", "not_json"),
        Hostile("nested too deeply", extended(b'"x":' + b"[" * 5000 + b"]" * 5000), "not_json"),
        Hostile("lone surrogate", extended(rb'"user_id":"\ud800"'), "not_json"),
        Hostile("nan", extended(b'"ms_played":NaN'), "not_json"),
        Hostile("infinity", extended(b'"ms_played":Infinity'), "not_json"),
        Hostile("a number without end", extended(b'"ms_played":1e400'), "bad_type"),
        Hostile("array", b"[" + good + b"]", "bad_type"),
        Hostile("session_id is a number", changed(session_id=7), "bad_type"),
        Hostile("id of 129 characters", changed(track_id="t" * 129), "bad_type"),
        Hostile("no track_id", without("track_id"), "missing_field"),
        Hostile("key given twice", extended(b'"track_id":"t2"'), "duplicate_key"),
        Hostile("key given twice, escaped", extended(rb'"track\u005fid":"t2"'), "duplicate_key"),
        Hostile("nul in an id", changed(session_id="s\x001"), "bad_value"),
        Hostile("time without a zone", changed(occurred_at=naive), "bad_value"),
        Hostile("year 9999", changed(occurred_at="9999-12-31T23:59:59Z"), "out_of_time"),
        Hostile("8 days old", changed(occurred_at=rfc3339(now_ms - 192 * HOUR_MS)), "out_of_time"),
        Hostile("2 hours ahead", changed(occurred_at=rfc3339(now_ms + 2 * HOUR_MS)), "out_of_time"),
    )


def _json(event: dict[str, object]) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode()
