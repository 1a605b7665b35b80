"""The ledger of the promise: every offset of the events topic against lists and dead letters.

    events_in = answered + dead_lettered + missing

An offset is answered when its (session_id, event_id) has a recommendation, so a duplicate sent by a
player is answered too; a repeat of an answer stands beside the identity, not in it. Pure, and it
does not mind which topic is read ahead of which; audit_reader.py and inspection.py feed it from
Kafka. States are the oracle's affair (oracle.py), and commits are nobody's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

import msgspec

from .decoding import EventError, decode_event
from .events import PlaybackEvent, Source, recommendation_id
from .fault import Fault

Offset = tuple[int, int]
"""Partition and offset of an event."""
INTERNAL = "internal"


class Tally(NamedTuple):
    """The identity as it stands."""

    events_in: int
    answered: int
    dead_lettered: int
    missing: list[Offset]  # ascending
    repeats: int  # further answers to one and the same record, dead letters among them
    conflicts: list[str]  # recommendation ids under which an event was given a different answer
    unreadable: int  # recommendations and dead letters that say nothing which could be counted
    wrong_reasons: int = 0  # dead letters that say what decoding their event does not


class _Answer(msgspec.Struct):
    """The part of a Recommendation that is audited; the list is compared as it was written."""

    recommendation_id: str
    session_id: str
    event_id: str
    items: msgspec.Raw
    source: Source


class _Asked(NamedTuple):
    """A valid event that has no answer yet."""

    key: bytes
    session_id: str


_decoder = msgspec.json.Decoder(_Answer)


class Audit:
    """Takes every record of three topics, each once, in any order between the topics."""

    def __init__(self) -> None:
        self._events_in = 0
        self._seen: dict[int, tuple[int, int]] = {}  # by partition: first and last offset taken
        self._unanswered: dict[Offset, _Asked | None] = {}  # None: breaks the contract
        self._asked: dict[bytes, list[Offset]] = {}  # the unanswered, by what would answer them
        # For each event what `recommendation_id` is made of, 16 bytes, and the list's hash: there
        # are as many as there are events, so nothing else is kept of them.
        self._answers: dict[bytes, int] = {}
        # What the lists answered, as partition and offset in one number: a list for a record that
        # had one is a repeat; one for a second record of the same event is not.
        self._told: set[int] = set()
        self._reasons: dict[Offset, str] = {}  # of events that break the contract
        self._letters: dict[Offset, str] = {}
        self._late: set[str] = set()  # sessions with an event that was refused as INTERNAL
        self._repeats = 0
        self._conflicts: list[tuple[str, Fault]] = []
        self._wrong: list[Fault] = []
        self._unreadable = 0

    def event(
        self, partition: int, offset: int, value: bytes | None, appended_ms: int
    ) -> PlaybackEvent | None:
        """Take a record of the events topic and give its event, None where it breaks the contract.

        `appended_ms` is its timestamp.
        """
        self._events_in += 1
        place = (partition, offset)
        self._seen[partition] = (self._seen.get(partition, place[::-1])[0], offset)
        event = None
        try:
            event = decode_event(value, appended_ms)
        except EventError as err:
            self._reasons[place] = err.reason
        except Exception:  # as the workers' intake has it: a defect of the decoder
            self._reasons[place] = INTERNAL
        if place in self._letters:
            self._judge(place, self._letters[place])
        if event is None:
            self._unanswered[place] = None
            return None
        if place in self._letters:
            self._late.add(event.session_id)
        key = _key(recommendation_id(event.session_id, event.id))
        if key not in self._answers:
            self._unanswered[place] = _Asked(key, event.session_id)
            self._asked.setdefault(key, []).append(place)
        return event

    def recommendation(self, value: bytes | None) -> None:
        """Take a record of the recommendations topic."""
        try:
            answer = _decoder.decode(value or b"")
        except msgspec.DecodeError:
            self._unreadable += 1
            return
        id_ = recommendation_id(answer.session_id, answer.event_id)
        if answer.recommendation_id != id_:
            self._conflict(answer, f"the list is under {answer.recommendation_id}; expected {id_}")
            return
        key, given = _key(id_), hash(bytes(answer.items))
        place = answer.source.partition << 48 | answer.source.offset
        again = place in self._told
        self._told.add(place)
        before = self._answers.get(key)
        if before is None:
            self._answers[key] = given
            for asked in self._asked.pop(key, ()):
                del self._unanswered[asked]
        elif before == given:
            self._repeats += again
        else:
            self._conflict(answer, f"a second list under {id_} differs from the first")

    def dead_letter(self, headers: Iterable[tuple[str, bytes]]) -> None:
        """Take a record of the dead-letter topic, by its headers."""
        said = dict(headers)
        try:
            place = (int(said["segue.source.partition"]), int(said["segue.source.offset"]))
            reason = said["segue.reason"].decode()
        except (KeyError, ValueError):
            self._unreadable += 1
            return
        again = place in self._letters
        self._repeats += again
        if not again or self._letters[place] != reason:
            self._letters[place] = reason
            first, last = self._seen.get(place[0], (0, -1))
            if first <= place[1] <= last:
                self._judge(place, reason)
        asked = self._unanswered.get(place)
        if asked is not None:
            self._late.add(asked.session_id)

    def tally(self) -> Tally:
        """Count; cheap enough to be asked again and again."""
        missing = sorted(self._missing())
        return Tally(
            events_in=self._events_in,
            answered=self._events_in - len(self._unanswered),
            dead_lettered=len(self._unanswered) - len(missing),
            missing=missing,
            repeats=self._repeats,
            conflicts=[id_ for id_, _ in self._conflicts],
            unreadable=self._unreadable,
            wrong_reasons=len(self._wrong),
        )

    def faults(self, few: int) -> list[Fault]:
        """The first few of each kind of trouble."""
        missing = []
        for place in sorted(self._missing())[:few]:
            asked = self._unanswered[place]
            said = (
                f"no dead letter; expected one with reason {self._reasons[place]}"
                if asked is None
                else "neither a list nor a dead letter"
            )
            missing.append(Fault("missing", *place, asked and asked.session_id, said))
        conflicts = [fault for _, fault in islice(self._conflicts, few)]
        return [*missing, *conflicts, *self._wrong[:few]]

    def unsettled(self) -> set[str]:
        """Sessions with valid events that have no list, or had none at first (`dlq replay`)."""
        open_ = {asked.session_id for asked in self._unanswered.values() if asked is not None}
        return open_ | self._late

    def _missing(self) -> Iterator[Offset]:
        return (place for place in self._unanswered if place not in self._letters)

    def _conflict(self, answer: _Answer, said: str) -> None:
        place = (answer.source.partition, answer.source.offset)
        fault = Fault("conflicting", *place, answer.session_id, said)
        self._conflicts.append((answer.recommendation_id, fault))

    def _judge(self, place: Offset, reason: str) -> None:
        """Hold a dead letter against its event: any that answering failed on can be `internal`."""
        expected = self._reasons.get(place)
        if reason not in (expected, INTERNAL):
            wanted = f"expected {expected}" if expected else "and its event keeps the contract"
            self._wrong.append(
                Fault("reason", *place, None, f"its dead letter says {reason!r}, {wanted}")
            )


def _key(id_: str) -> bytes:
    return bytes.fromhex(id_.replace("-", ""))
