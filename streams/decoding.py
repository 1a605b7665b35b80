"""From the bytes of one Kafka value to a PlaybackEvent, or to an EventError that says why not.

Pure: the append time is an argument. What an event means for a session is not decided here.
"""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from .events import FORGET, PlaybackEvent, derived_event_id

MAX_EVENT_BYTES: Final = 10_240
OLDEST_MS: Final = 7 * 24 * 3600 * 1000
"""An event may be this much older than the moment the broker appended it, and no more."""
NEWEST_MS: Final = 3600 * 1000
"""An event may be this much newer (a fast clock), and no more."""

REASONS: Final = (
    "empty",
    "too_large",
    "not_utf8",
    "not_json",
    "missing_field",
    "bad_type",
    "duplicate_key",
    "bad_value",
    "out_of_time",
    "internal",
)
"""Every reason a dead letter can carry, in the order in which they are looked for.

`internal` is ours, not the player's: answering the event failed in a way nobody foresaw.
"""

_KNOWN: Final = {
    "event": frozenset(("start", "play", "skip", FORGET)),
    "reason_start": frozenset(
        ("appload", "backbtn", "clickrow", "endplay", "fwdbtn", "playbtn", "remote", "trackdone")
    )
    | {"trackerror"},
    "reason_end": frozenset(
        ("backbtn", "clickrow", "endplay", "fwdbtn", "logout", "remote", "trackdone")
    ),
    "context_type": frozenset(
        ("catalog", "charts", "editorial_playlist", "personalized_playlist", "radio")
    )
    | {"user_collection"},
}
"""The Music Streaming Sessions Dataset's values; any other is read as `other`."""

_QUOTED_KEYS: Final = tuple(f'"{name}"'.encode() for name in PlaybackEvent.__struct_fields__)
_decoder = msgspec.json.Decoder(PlaybackEvent)


class EventError(ValueError):
    """An event that breaks the contract: `reason` is one of REASONS, the message is for people."""

    def __init__(self, reason: str, detail: str) -> None:
        """Keep the reason, a metric's label, apart from the sentence."""
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def decode_event(raw: bytes | None, appended_ms: int) -> PlaybackEvent:
    """Read one value of the events topic.

    Args:
        raw: JSON, or Confluent's wire format (0x00, 4 bytes of schema id, JSON).
        appended_ms: the record's timestamp, milliseconds since 1970 (the broker's append time).

    Raises:
        EventError: the value breaks the contract; `reason` says which part of it.
    """
    if not raw:
        raise EventError("empty", "the record has no value; expected a PlaybackEvent as JSON")
    if len(raw) > MAX_EVENT_BYTES:
        raise EventError("too_large", f"{len(raw)} bytes; expected at most {MAX_EVENT_BYTES}")
    body = raw[5:] if raw[0] == 0 else raw
    _refuse_other_encodings(body)
    event = _parse(body)
    _refuse_duplicate_keys(body)
    _refuse_bad_values(event)
    _refuse_wrong_clock(event, appended_ms)
    return _with_known_values(event)


def event_or_none(raw: bytes | None, appended_ms: int) -> PlaybackEvent | None:
    """Read one value as `decode_event` does, where nobody asks why it cannot be read."""
    try:
        return decode_event(raw, appended_ms)
    except Exception:  # as the workers' intake has it: not even a defect may end the reading
        return None


def _refuse_other_encodings(body: bytes) -> None:
    """The parser skips fields it does not know without looking at their bytes, so look first."""
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as err:
        raise EventError("not_utf8", str(err)) from err


def _parse(body: bytes) -> PlaybackEvent:
    try:
        return _decoder.decode(body)
    except msgspec.ValidationError as err:
        missing = "missing required field" in str(err)
        raise EventError("missing_field" if missing else "bad_type", str(err)) from err
    except RecursionError as err:
        raise EventError("not_json", "nested too deeply; expected a flat object") from err
    except msgspec.DecodeError as err:
        raise EventError("not_json", str(err)) from err


def _refuse_duplicate_keys(body: bytes) -> None:
    """A key given twice means two things at once, and parsers differ on which one counts."""
    # Nearly every event is plain and names each key once: only the others pay for a second parse.
    if b"\\" not in body and all(body.count(key) <= 1 for key in _QUOTED_KEYS):
        return
    try:
        # As pairs, so that none is lost; an ignored number may have more digits than int() reads.
        pairs = json.loads(body, object_pairs_hook=list, parse_int=str)
    except (ValueError, RecursionError) as err:
        raise EventError("not_json", f"{err}; expected a flat object") from err
    names = [name for name, _ in pairs]
    for name in PlaybackEvent.__struct_fields__:
        if names.count(name) > 1:
            raise EventError("duplicate_key", f"{name!r} is given more than once")


def _refuse_bad_values(event: PlaybackEvent) -> None:
    for name in ("session_id", "track_id", "event_id"):
        value = getattr(event, name)
        if value is not None and not value.isprintable():
            raise EventError("bad_value", f"{name} {value!r} holds characters that do not print")
    if event.schema_version != 1:
        raise EventError("bad_value", f"schema_version {event.schema_version}; expected 1")


def _refuse_wrong_clock(event: PlaybackEvent, appended_ms: int) -> None:
    try:
        age = appended_ms - event.occurred_ms
    except (ValueError, OverflowError) as err:
        raise EventError(
            "bad_value", f"occurred_at {event.occurred_at!r}; expected RFC 3339 with a zone"
        ) from err
    if not -NEWEST_MS <= age <= OLDEST_MS:
        raise EventError(
            "out_of_time",
            f"occurred_at {event.occurred_at} is {age / 1000:.0f} s older than its arrival; "
            f"expected {-NEWEST_MS // 1000} to {OLDEST_MS // 1000} s: check the player's clock",
        )


def _with_known_values(event: PlaybackEvent) -> PlaybackEvent:
    changes: dict[str, Any] = {
        name: "other"
        for name, values in _KNOWN.items()
        if (value := getattr(event, name)) is not None and value not in values
    }
    if "event" in changes and event.event_id is None:
        # The id follows from what was sent: two unknown kinds of event are not one event.
        changes["event_id"] = derived_event_id(event)
    return msgspec.structs.replace(event, **changes) if changes else event
