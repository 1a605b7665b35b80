"""The ledger of the promise: every offset of the events topic against lists and dead letters.

    events_in = answered + dead_lettered + missing

An offset is answered when its (session_id, event_id) has a recommendation, so a duplicate sent by a
player is answered too; a repeat of an answer stands beside the identity, not in it. Pure, and it
does not mind which topic is read ahead of which; audit_reader.py feeds it from Kafka. States and
commits are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from .decoding import EventError, decode_event

Offset = tuple[int, int]
"""Partition and offset of an event."""
_Key = tuple[str, str]  # session_id, event_id


class Tally(NamedTuple):
    """The identity as it stands."""

    events_in: int
    answered: int
    dead_lettered: int
    missing: list[Offset]  # ascending
    repeats: int  # further deliveries of an answer already given, dead letters among them
    conflicts: list[str]  # recommendation ids under which an event was given a different answer
    unreadable: int  # recommendations and dead letters that say nothing which could be counted


class _Answer(msgspec.Struct):
    """The part of a Recommendation that is audited; the list is compared as it was written."""

    recommendation_id: str
    session_id: str
    event_id: str
    items: msgspec.Raw


_decoder = msgspec.json.Decoder(_Answer)


class Audit:
    """Takes every record of three topics, each once, in any order between the topics."""

    def __init__(self) -> None:
        self._events_in = 0
        self._unanswered: dict[Offset, _Key | None] = {}  # None: breaks the contract
        self._asked: dict[_Key, list[Offset]] = {}  # the unanswered, by what would answer them
        self._answers: dict[_Key, tuple[str, int]] = {}  # recommendation id, hash of the list
        self._letters: set[Offset] = set()
        self._repeats = 0
        self._conflicts: list[str] = []
        self._unreadable = 0

    def event(self, partition: int, offset: int, value: bytes | None, appended_ms: int) -> None:
        """Take a record of the events topic; `appended_ms` is its timestamp."""
        self._events_in += 1
        place = (partition, offset)
        try:
            event = decode_event(value, appended_ms)
        except EventError:
            self._unanswered[place] = None
            return
        key = (event.session_id, event.id)
        if key not in self._answers:
            self._unanswered[place] = key
            self._asked.setdefault(key, []).append(place)

    def recommendation(self, value: bytes | None) -> None:
        """Take a record of the recommendations topic."""
        try:
            answer = _decoder.decode(value or b"")
        except msgspec.DecodeError:
            self._unreadable += 1
            return
        key = (answer.session_id, answer.event_id)
        given = (answer.recommendation_id, hash(bytes(answer.items)))
        before = self._answers.setdefault(key, given)
        if before is given:
            for place in self._asked.pop(key, ()):
                del self._unanswered[place]
        elif before == given:
            self._repeats += 1
        else:
            self._conflicts.append(answer.recommendation_id)

    def dead_letter(self, headers: Iterable[tuple[str, bytes]]) -> None:
        """Take a record of the dead-letter topic, by its headers."""
        said = dict(headers)
        try:
            place = (int(said["segue.source.partition"]), int(said["segue.source.offset"]))
        except (KeyError, ValueError):
            self._unreadable += 1
            return
        self._repeats += place in self._letters
        self._letters.add(place)

    def tally(self) -> Tally:
        """Count; cheap enough to be asked again and again."""
        missing = sorted(place for place in self._unanswered if place not in self._letters)
        return Tally(
            events_in=self._events_in,
            answered=self._events_in - len(self._unanswered),
            dead_lettered=len(self._unanswered) - len(missing),
            missing=missing,
            repeats=self._repeats,
            conflicts=list(self._conflicts),
            unreadable=self._unreadable,
        )
