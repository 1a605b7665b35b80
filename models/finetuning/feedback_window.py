"""A window of feedback: what listeners did since a model last learned, as sessions to learn from.

Pure: it takes the records that a read of the feedback topic gave, and reads no topic itself (that
is finetune.py's part). Feedback is delivered at least once and a repeat is identical, so repeats
are dropped by (session_id, event_id, position); a record that cannot be read is counted, not fatal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import msgspec

from streams.events import Feedback, encode

from ..sessions import Sessions, packed

_decoder = msgspec.json.Decoder(Feedback)
_Instant = Annotated[datetime, msgspec.Meta(tz=True)]


@dataclass(frozen=True)
class Visit:
    """The feedback of one session, oldest first; all of it, or the part that the window holds."""

    records: tuple[Feedback, ...]
    carried: bool = False  # held out of an earlier window, and now to be learned from

    @property
    def session_id(self) -> str:
        """The session's id; one that came back after a silence has several visits under it."""
        return self.records[0].session_id

    @property
    def fresh(self) -> bool:
        """Whether it began in this window, so that no model can have learned a part of it."""
        return self.records[0].position == 0 and not self.carried

    @property
    def last_ms(self) -> int:
        """When its newest occurrence ended, milliseconds since 1970."""
        return _milliseconds(self.records[-1].occurred_at)

    def plays(self) -> list[tuple[str, int]]:
        """Its (track_id, outcome) pairs, as sessions are made of."""
        return [(record.track_id, record.outcome) for record in self.records]


@dataclass(frozen=True)
class FeedbackWindow:
    """Visits of at least two occurrences, oldest first by their newest occurrence."""

    visits: tuple[Visit, ...]
    malformed: int = 0
    repeats: int = 0

    def sizes(self) -> dict[str, int]:
        """What was read, for a log."""
        return {
            "malformed": self.malformed,
            "repeats": self.repeats,
            "sessions": len(self.visits),
        }

    def split(self, held_out: float) -> tuple[list[Visit], list[Visit]]:
        """Set the newest part aside: (to learn from, held out of learning).

        `held_out` is a share of all visits. Only fresh visits can be held out: of any other an
        earlier model may have learned the beginning. What is held out now is learned from in the
        window after the next acceptance, as carried visits.
        """
        if not 0 < held_out < 1:
            raise ValueError(f"held_out is {held_out}, expected a share between 0 and 1")
        fresh = [visit for visit in self.visits if visit.fresh]
        wanted = min(len(fresh), round(held_out * len(self.visits)))
        aside = {id(visit) for visit in fresh[len(fresh) - wanted :]}
        return (
            [visit for visit in self.visits if id(visit) not in aside],
            [visit for visit in self.visits if id(visit) in aside],
        )


def window_of(
    values: Iterable[bytes | None], carried: bytes = b"", max_sessions: int = 5000
) -> FeedbackWindow:
    """Make the window of these values, in the topic's order within each session.

    `carried` is what `carry` made of the visits held out before: they come first, and go on where
    the window continues them. Of too many visits the newest are kept.
    """
    malformed = 0
    records: list[Feedback] = []
    for value in values:
        try:
            records.append(_read(value))
        except (msgspec.DecodeError, ValueError):
            malformed += 1
    earlier = [_decoder.decode(line) for line in carried.splitlines()]
    kept = {(r.session_id, r.event_id, r.position): r for r in [*earlier, *records]}
    unfinished: dict[str, list[Feedback]] = {}
    finished: list[list[Feedback]] = []
    for record in kept.values():
        visit = unfinished.setdefault(record.session_id, [])
        # The partition's order is the truth: a position that does not rise begins a new session.
        if visit and record.position <= visit[-1].position:
            finished.append(visit)
            visit = unfinished[record.session_id] = []
        visit.append(record)
    known = {(r.session_id, r.event_id, r.position) for r in earlier}
    visits = [
        Visit(tuple(v), (v[0].session_id, v[0].event_id, v[0].position) in known)
        for v in [*finished, *unfinished.values()]
        if len(v) > 1  # a lone occurrence has nothing to predict
    ]
    visits.sort(key=lambda visit: visit.last_ms)
    return FeedbackWindow(
        visits=tuple(visits[-max_sessions:]),
        malformed=malformed,
        repeats=len(earlier) + len(records) - len(kept),
    )


def carry(visits: Sequence[Visit]) -> bytes:
    """Visits as JSON lines, for the next window."""
    return b"".join(encode(record) + b"\n" for visit in visits for record in visit.records)


def sessions_of(visits: Sequence[Visit], track_ids: Sequence[str] | None = None) -> Sessions:
    """Pack visits over a catalog, tracks it does not have as item 0, or over what occurs."""
    return packed([(visit.session_id, visit.plays()) for visit in visits], track_ids)


def _read(value: bytes | None) -> Feedback:
    if not value:
        raise ValueError("the record has no value; expected a Feedback as JSON")
    record = _decoder.decode(value)
    if record.position < 0 or not record.track_id or not record.session_id:
        raise ValueError(f"{record} has a negative position or an empty id")
    _milliseconds(record.occurred_at)
    return record


def _milliseconds(moment: str) -> int:
    return int(msgspec.convert(moment, _Instant).timestamp() * 1000)
