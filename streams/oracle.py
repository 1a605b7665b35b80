"""The oracle: one process that replays the events topic and knows what every session must be.

It runs the very state machine that the workers run (session.py) under the same rule of expiry, but
alone, in the order of the partitions, and with no faults. Pure; inspection.py feeds it from Kafka.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from .events import FORGET, PlaybackEvent
from .fault import Fault
from .session import EVENT_IDS, Arrival, Limits, Seen, Session, pack, unpack
from .states import States


class Comparison(NamedTuple):
    """How the oracle and a changelog agree, in sessions that have events among those replayed."""

    compared: int  # equal and unequal
    swept: int  # have no record any more, and need not
    unknown: int  # cannot be compared: they began before the replay, or have unanswered events
    unequal: list[Fault]


class Oracle:
    """Takes the records of the events topic in their order, from wherever a replay begins.

    Sessions are kept packed: a million events fit in a few hundred megabytes.
    """

    def __init__(self, limits: Limits, whole: Collection[int] = ()) -> None:
        """Begin.

        Args:
            limits: the workers' settings of when sessions end.
            whole: partitions that are replayed from their very first event. In the others, a
                session's past is unknown until an event comes so late that none could count.
        """
        self._limits, self._whole = limits, whole
        self._sessions: dict[str, bytes] = {}
        self._began: dict[int, int] = {}  # append time of each partition's first event
        self._newest: dict[int, int] = {}
        self._unknown: set[str] = set()  # sessions that may have begun before the replay
        self._split: set[str] = set()  # sent to two partitions: no order is the right one

    def take(self, event: PlaybackEvent | None, at: Arrival) -> None:
        """Take one record: its event, or None where it has none that a session would take."""
        self._began.setdefault(at.partition, at.appended_ms)
        self._newest[at.partition] = max(self._newest.get(at.partition, 0), at.appended_ms)
        if event is None:
            return
        id_ = event.session_id
        packed = self._sessions.get(id_)
        session = Session() if packed is None else unpack(packed)
        if packed is None:
            if at.partition not in self._whole and not self._forgotten(at):
                self._unknown.add(id_)
        elif session.partition != at.partition:
            self._split.add(id_)
        elif session.expired(at.appended_ms, self._limits):
            session = Session()
            self._unknown.discard(id_)
        if event.event == FORGET:
            self._unknown.discard(id_)  # whatever was before is gone
        if session.seen(event.id, at) is Seen.NEW:
            self._sessions[id_] = pack(session.advance(event, event.id, at, self._limits))

    def session(self, session_id: str) -> Session | None:
        """What a session must be; None when it has had no event."""
        packed = self._sessions.get(session_id)
        return None if packed is None else unpack(packed)

    def compare(
        self, states: States, begins: Mapping[int, int], unsettled: Collection[str] = ()
    ) -> Comparison:
        """Hold every session against its record.

        Args:
            states: the changelog, as new as the last event that was taken of each session.
            begins: the offset at which the replay of each partition began.
            unsettled: sessions with events that were not answered: what a worker has of those is
                open, and that they are missing is said elsewhere.
        """
        compared = swept = unknown = 0
        unequal = []
        for id_, packed in self._sessions.items():
            expected, found = unpack(packed), states.get(id_)
            if id_ in self._split or id_ in unsettled:
                unknown += 1
                continue
            if found is None and id_ not in states.unreadable and self._over(expected):
                swept += 1
                continue
            said = self._difference(id_, expected, found, states)
            if said is None:
                unknown += 1
                continue
            compared += 1
            if said:
                place = (expected.partition, expected.offset)
                unequal.append(Fault("state", *place, id_, said))
        strangers = list(self._strangers(states, begins))
        return Comparison(compared + len(strangers), swept, unknown, unequal + strangers)

    def _forgotten(self, at: Arrival) -> bool:
        """Whether any event before the replay is too old to count at `at`."""
        return at.appended_ms - self._began[at.partition] > self._limits.retention_ms

    def _over(self, session: Session) -> bool:
        """Whether a record may have been removed, going by the partition's own clock."""
        newest = self._newest[session.partition]
        return session.forgotten or session.expired(newest, self._limits)

    def _difference(
        self, id_: str, expected: Session, found: Session | None, states: States
    ) -> str | None:
        """What is wrong with a record; "" when nothing is, None when that cannot be known."""
        if found is None:
            broken = id_ in states.unreadable
            return "its record cannot be read" if broken else "it has no record; expected one"
        names = Session.__struct_fields__
        if id_ in self._unknown:
            # Its past may have added to it. It can have taken something away only by expiring.
            clock = self._newest[expected.partition] - self._began[expected.partition]
            if clock > self._limits.retention_ms or len(found.event_ids) == EVENT_IDS:
                return None
            lost = set(expected.event_ids) - set(found.event_ids)
            if lost:
                return f"event_ids: {sorted(lost)[:3]} of {len(expected.event_ids)} are not there"
            if found.event_ids != expected.event_ids:
                return None
            names = ("history",)
        return "; ".join(
            _told(name, getattr(found, name), getattr(expected, name))
            for name in names
            if getattr(found, name) != getattr(expected, name)
        )

    def _strangers(self, states: States, begins: Mapping[int, int]) -> Iterator[Fault]:
        """Records whose newest event should have been replayed, and was not there."""
        for id_ in states:
            found = states.get(id_)
            if found is None or id_ in self._sessions:
                continue
            if found.offset >= begins.get(found.partition, 0):
                said = "it has a record, and that event is none of its own; expected no record"
                yield Fault("state", found.partition, found.offset, id_, said)


def _told(name: str, found: object, expected: object) -> str:
    """Two values of a field, or where two sequences begin to differ."""
    if not (isinstance(found, tuple) and isinstance(expected, tuple)):
        return f"{name}: found {found!r}, expected {expected!r}"
    first = next(
        (i for i, pair in enumerate(zip(found, expected, strict=False)) if pair[0] != pair[1]),
        min(len(found), len(expected)),
    )
    ends = [repr(side[first]) if first < len(side) else "nothing" for side in (found, expected)]
    return (
        f"{name}: found {ends[0]} at {first} of {len(found)}, expected {ends[1]} of {len(expected)}"
    )
