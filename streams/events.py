"""The wire records: what may come in, what goes out, and the ids that follow from them.

Pure: no clock, no broker. How bytes become a PlaybackEvent is in decoding.py; the contract is
written out, with examples, in docs/contracts.md.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

UNKNOWN, HEARD, SKIPPED_LATE, SKIPPED_EARLY, SKIPPED_AT_ONCE = range(5)
"""Outcome codes, everywhere."""

_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "segue:recommendation")

Identifier = Annotated[str, Meta(min_length=1, max_length=128)]
NonNegative = Annotated[int, Meta(ge=0, le=2**53)]
Instant = Annotated[datetime, Meta(tz=True)]
Moment = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
"""A time as text. What is sent is kept as it came: derived ids hash it."""


FORGET: Final = "forget"
"""The event that asks for everything kept of its session to be dropped."""


class PlaybackEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a player reports: a track began (`start`), was heard (`play`) or was left (`skip`).

    Or that the session is to be forgotten (`forget`), whatever its track.
    """

    session_id: Identifier
    track_id: Identifier
    event: Annotated[str, Meta(extra_json_schema={"examples": ["start", "play", "skip", "forget"]})]
    occurred_at: Moment
    schema_version: Annotated[int, Meta(extra_json_schema={"const": 1})] = 1
    event_id: Identifier | None = None
    seq: Annotated[int, Meta(ge=-(2**53), le=2**53)] | None = None
    ms_played: NonNegative | None = None
    duration_ms: NonNegative | None = None
    skip_strength: Annotated[int, Meta(ge=1, le=3)] | None = None
    reason_start: str | None = None
    reason_end: str | None = None
    context_type: str | None = None
    shuffle: bool | None = None
    user_id: str | None = None
    recommendation_id: str | None = None
    sent_at: str | None = None

    @property
    def id(self) -> str:
        """The player's `event_id`, or the one that follows from the event itself."""
        return self.event_id if self.event_id is not None else derived_event_id(self)

    @property
    def occurred_ms(self) -> int:
        """`occurred_at` in milliseconds since 1970, UTC; ValueError when it is no RFC 3339 time."""
        return int(msgspec.convert(self.occurred_at, Instant).timestamp() * 1000)

    @property
    def outcome(self) -> int:
        """The outcome code this event reports; UNKNOWN for one that reports none."""
        if self.event == "play":
            return HEARD
        if self.event != "skip":
            return UNKNOWN
        if self.skip_strength is not None:
            return SKIPPED_AT_ONCE + 1 - self.skip_strength
        if self.ms_played is not None and self.duration_ms:
            fraction = self.ms_played / self.duration_ms
            if fraction < 0.1:
                return SKIPPED_AT_ONCE
            return SKIPPED_EARLY if fraction < 0.5 else SKIPPED_LATE
        return SKIPPED_EARLY


class RecommendedItem(msgspec.Struct, frozen=True):
    """One line of a list: rank 1 is the best; scores only order the list they stand in."""

    track_id: str
    score: float
    rank: int


class Source(msgspec.Struct, frozen=True):
    """The event's place in the events topic."""

    partition: int
    offset: int


Fallback = Literal["cold_start", "unknown_track", "no_model", "degraded", "forgotten"]


class Recommendation(msgspec.Struct, frozen=True, kw_only=True):
    """The next tracks of a session, given everything up to one event."""

    recommendation_id: str
    session_id: str
    event_id: str
    items: tuple[RecommendedItem, ...]
    model_version: str
    fallback: Fallback | None
    source: Source
    occurred_at: Moment
    scored_at: Moment
    latency_ms: float


class Feedback(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one occurrence, joined with the list that was current when it began.

    `event_id` is the occurrence's own last event: its play or skip, or its start where the outcome
    stayed unknown. `rank` is null when the track was not in the list (or no list was current yet).
    """

    event_id: str
    session_id: str
    position: int
    track_id: str
    outcome: Annotated[int, Meta(ge=0, le=4)]
    rank: int | None
    recommendation_id: str | None
    model_version: str | None
    propensity: float | None
    occurred_at: Moment


class ModelAnnouncement(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle changed its stage; the last record of a name is the one that counts."""

    name: str
    version: str
    uri: str
    sha256: str
    parent: str | None
    stage: Literal["candidate", "champion", "rolled_back"]
    metrics: dict[str, float]
    announced_at: Moment


_encoder = msgspec.json.Encoder()


def encode(record: msgspec.Struct) -> bytes:
    """A record as compact UTF-8 JSON."""
    return _encoder.encode(record)


def derived_event_id(event: PlaybackEvent) -> str:
    """The id of an event that came without one: the same event always gets the same id."""
    parts = [event.session_id, event.track_id, event.occurred_at, event.event, event.seq]
    text = json.dumps(parts, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def recommendation_id(session_id: str, event_id: str) -> str:
    """One event, one id, whichever model answered first: a uuid5 of both ids."""
    # What uuid.uuid5 does, in a fifth of its time: it is done for every event.
    name = msgspec.json.encode((session_id, event_id))
    digest = bytearray(hashlib.sha1(_NAMESPACE.bytes + name, usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
