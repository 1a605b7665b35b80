"""The sessions as a changelog tells them: what a worker that recovers now would begin with.

Pure: audit reading (inspection.py) feeds it record by record.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from .session import Arrival, Occurrence, Session, pack, place, unpack


class States:
    """The record of each session that counts, without what a model decided in it."""

    def __init__(self) -> None:
        self._records: dict[str, bytes] = {}
        self._home: dict[str, int] = {}  # the changelog's partition of a record
        self.unreadable: set[str] = set()

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[str]:
        """The ids of the sessions that have a record."""
        return iter(self._records)

    def record(self, partition: int, key: bytes | None, value: bytes | None) -> None:
        """Take a record of the changelog; those of one partition in their order."""
        if key is None:
            return
        session_id = key.decode(errors="replace")
        kept = self._records.get(session_id)
        if value is None:
            self._records.pop(session_id, None)
            self.unreadable.discard(session_id)
            return
        try:
            session = unpack(value)
        except msgspec.DecodeError:
            self._records.pop(session_id, None)
            self.unreadable.add(session_id)
            return
        same = kept is not None and self._home[session_id] == partition
        if kept is not None and same and session.outdated_by(place(kept)):
            return
        self.unreadable.discard(session_id)
        self._records[session_id] = pack(without_model(session))
        self._home[session_id] = partition

    def get(self, session_id: str) -> Session | None:
        """A session's record."""
        raw = self._records.get(session_id)
        return None if raw is None else unpack(raw)

    def reached(self, session_id: str, at: Arrival) -> bool:
        """Whether a session's record is as new as the event at `at`."""
        raw = self._records.get(session_id)
        if raw is None:
            return False
        newest = place(raw)
        return newest.partition == at.partition and newest.offset >= at.offset


def without_model(session: Session) -> Session:
    """The part of a session that follows from its events alone, whichever lists it was given."""

    def bare(occurrence: Occurrence) -> Occurrence:
        return msgspec.structs.replace(
            occurrence, rank=None, recommendation_id=None, model_version=None
        )

    return msgspec.structs.replace(
        session,
        offer=None,
        pending=session.pending and bare(session.pending),
        closed=tuple(bare(closed) for closed in session.closed),
    )
