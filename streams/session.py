"""Session: a pure state machine over the events of one session_id; time is data, never a clock.

A record holds what the next event needs and what a redelivery must repeat, and is small enough to
be written once for each event. It knows no catalog (tracks are ids) and no broker.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple

import msgspec

from .events import FORGET, UNKNOWN, PlaybackEvent

HISTORY: Final = 50
"""Occurrences a record remembers."""
EVENT_IDS: Final = 64
"""Event ids a record remembers: a duplicate further back than this is taken for a new event."""
_FORGOTTEN: Final = -1
"""`occurred_ms` of a record that only says that there was something to forget."""


class Limits(NamedTuple):
    """When a session ends: after `silence_ms` of event time, or `retention_ms` of broker time."""

    silence_ms: int = 30 * 60 * 1000
    retention_ms: int = 2 * 60 * 60 * 1000


class Arrival(NamedTuple):
    """Where and when the broker appended an event."""

    partition: int
    offset: int
    appended_ms: int


class Offer(msgspec.Struct, frozen=True, array_like=True):
    """The list a session was given last."""

    recommendation_id: str
    model_version: str
    fallback: str | None
    items: tuple[tuple[str, float], ...]

    def rank(self, track_id: str) -> int | None:
        """1-based place of a track in the list; None when it is not there."""
        for place, (offered, _) in enumerate(self.items, start=1):
            if offered == track_id:
                return place
        return None


class Occurrence(msgspec.Struct, frozen=True, array_like=True):
    """One time a track was on: a start and its play or skip, or either alone.

    `previous` is the track before it in the session (the one its list had masked); `rank`,
    `recommendation_id` and `model_version` belong to the list that was current when it began.
    """

    position: int
    track_id: str
    outcome: int
    event_id: str
    occurred_at: str
    previous: str | None
    rank: int | None
    recommendation_id: str | None
    model_version: str | None


class Seen(Enum):
    """What a record knows of an event."""

    NEW = "new"
    NEWEST = "newest"
    """The last event it took: its answer may not have reached the broker, so it is given again."""
    OLDER = "older"
    """Answered before the newest was begun, so there is nothing left to do."""


class Place(msgspec.Struct, frozen=True, array_like=True):
    """The newest event's place: the first fields of a record, readable without the rest."""

    partition: int = -1
    offset: int = -1
    appended_ms: int = 0

    def outdated_by(self, kept: Place) -> bool:
        """Whether this record, written later than `kept`, tells of an earlier event.

        A worker that was cut off may write once more when it wakes. Within one partition.
        """
        # A topic made anew starts its offsets again, at a later time.
        return self.offset < kept.offset and self.appended_ms <= kept.appended_ms


class Session(Place, frozen=True, array_like=True):
    """Everything kept of one session_id. `history` is (track_id, outcome), the oldest first."""

    occurred_ms: int = 0
    history: tuple[tuple[str, int], ...] = ()
    begun: int = 0
    pending: Occurrence | None = None
    closed: tuple[Occurrence, ...] = ()
    event_ids: tuple[str, ...] = ()
    offer: Offer | None = None

    @property
    def forgotten(self) -> bool:
        """Whether it holds nothing but where it was forgotten, until that is committed.

        So that Kafka's redeliveries from before find that they were answered.
        """
        return self.occurred_ms == _FORGOTTEN

    def seen(self, event_id: str, at: Arrival) -> Seen:
        """Tell a new event from a redelivery by Kafka or a duplicate from the player."""
        if self.event_ids and self.event_ids[-1] == event_id:
            return Seen.NEWEST
        if event_id in self.event_ids:
            return Seen.OLDER
        # Beyond the remembered ids the offset still tells. A topic made anew starts its offsets
        # again, but at a later time, and must not be taken for the old one.
        again = at.partition == self.partition and at.offset <= self.offset
        return Seen.OLDER if again and at.appended_ms <= self.appended_ms else Seen.NEW

    def expired(self, now_ms: int, limits: Limits) -> bool:
        """Whether an event appended at `now_ms` would find the record too old to use.

        The sweep asks the same question, so it removes only what could not be seen anyway.
        """
        return now_ms - self.appended_ms > limits.retention_ms

    def advance(self, event: PlaybackEvent, event_id: str, at: Arrival, limits: Limits) -> Session:
        """Take one new event; `closed` then holds the occurrences it ended, in order."""
        if event.event == FORGET:
            return Session(
                partition=at.partition,
                offset=at.offset,
                appended_ms=max(at.appended_ms, self.appended_ms),
                occurred_ms=_FORGOTTEN,
                event_ids=(event_id,),
            )
        occurred_ms = event.occurred_ms
        # Whether the record of the forgetting is still there must change nothing.
        session = Session() if self.forgotten else self
        if occurred_ms - session.occurred_ms > limits.silence_ms and session.event_ids:
            # What the silence cut off stays unfinished. The ids outlive it: players repeat.
            session = Session(event_ids=session.event_ids)
        history, begun, pending, closed = session._played(event, event_id)
        return Session(
            history=history[-HISTORY:],
            begun=begun,
            pending=pending,
            closed=closed,
            event_ids=(*session.event_ids[1 - EVENT_IDS :], event_id),
            offer=session.offer,
            occurred_ms=max(occurred_ms, session.occurred_ms),
            appended_ms=max(at.appended_ms, session.appended_ms),
            partition=at.partition,
            offset=at.offset,
        )

    def offering(self, offer: Offer) -> Session:
        """The same session after a list was made for its newest event."""
        return msgspec.structs.replace(self, offer=offer)

    def _played(
        self, event: PlaybackEvent, event_id: str
    ) -> tuple[tuple[tuple[str, int], ...], int, Occurrence | None, tuple[Occurrence, ...]]:
        """Open, finish and cut off occurrences: (history, begun, pending, closed)."""
        pending, history = self.pending, self.history
        same = pending is not None and pending.track_id == event.track_id
        if event.event == "other":
            # It reports neither a beginning nor an end, but the listener is at its track now.
            return history, self.begun, pending if same else None, () if same else _cut(pending)
        if same and pending is not None and event.event != "start":
            ended = msgspec.structs.replace(
                pending, outcome=event.outcome, event_id=event_id, occurred_at=event.occurred_at
            )
            return (*history[:-1], (event.track_id, event.outcome)), self.begun, None, (ended,)
        begins = Occurrence(
            position=self.begun,
            track_id=event.track_id,
            outcome=event.outcome,
            event_id=event_id,
            occurred_at=event.occurred_at,
            previous=history[-1][0] if history else None,
            rank=self.offer.rank(event.track_id) if self.offer else None,
            recommendation_id=self.offer.recommendation_id if self.offer else None,
            model_version=self.offer.model_version if self.offer else None,
        )
        history = (*history, (event.track_id, event.outcome))
        if event.event == "start":
            return history, self.begun + 1, begins, _cut(pending)
        return history, self.begun + 1, None, (*_cut(pending), begins)


def _cut(pending: Occurrence | None) -> tuple[Occurrence, ...]:
    """An occurrence that another event ended before its play or skip: its outcome stays UNKNOWN."""
    assert pending is None or pending.outcome == UNKNOWN
    return () if pending is None else (pending,)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Session)
_place_decoder = msgspec.msgpack.Decoder(Place)


class _Head(Place, frozen=True, array_like=True):
    occurred_ms: int = 0


_head_decoder = msgspec.msgpack.Decoder(_Head)


def pack(session: Session) -> bytes:
    """A session as the bytes of its changelog record."""
    return _encoder.encode(session)


def unpack(raw: bytes) -> Session:
    """Read what `pack` wrote; msgspec.DecodeError when it is something else."""
    return _decoder.decode(raw)


def place(raw: bytes) -> Place:
    """Read only where the newest event of a packed session was; a fifth of what `unpack` costs."""
    return _place_decoder.decode(raw)


def is_forgotten(raw: bytes) -> bool:
    """Whether a packed session is `forgotten`; False when it cannot be read."""
    try:
        return _head_decoder.decode(raw).occurred_ms == _FORGOTTEN
    except msgspec.DecodeError:
        return False


def newer(raw: bytes) -> bool:
    """Whether a record has more fields than this version knows, so that a later one wrote it.

    Fields are only ever added at the end and with a default, so an older record is read as it is.
    Written again here, a newer one would lose what it has more.
    """
    # MessagePack begins an array of up to 15 with 0x90 and its length, a longer one with 0xdc.
    head = raw[0] if raw else 0
    return 0x90 + len(Session.__struct_fields__) < head <= 0x9F or head in (0xDC, 0xDD)
