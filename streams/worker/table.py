"""The sessions of a worker's partitions: a Faust table whose writes can be waited for.

Faust recovers it from its changelog. Records are bytes (session.py packs them), kept in the order
of their last write, so that the sweep finds the oldest first.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Container, Iterable, Iterator
from itertools import islice
from typing import cast

import faust
import msgspec
from faust.tables import TableManager
from faust.types import TP

from ..session import Limits, Session, pack, place, unpack
from .producing import produced
from .store import SessionStore

logger = logging.getLogger(__name__)

CHANGELOG_CONFIG = {
    # A fresh worker reads the whole changelog before it serves: compaction must bite early.
    "cleanup.policy": "compact",
    "segment.ms": 60_000,
    "segment.bytes": 16 * 1024 * 1024,
    "min.cleanable.dirty.ratio": 0.1,
    "max.compaction.lag.ms": 3_600_000,
    "delete.retention.ms": 3_600_000,
}

AT_ONCE = 256
"""Records that one sweep removes at the most: events wait meanwhile."""


ReadChangelog = Callable[[int, int, int], Awaitable[Iterable[tuple[bytes | None, bytes | None]]]]
"""Partition, first offset, offset after the last -> keys and values."""


class SessionTable(faust.Table[bytes, bytes]):
    """Loads and saves sessions; a save is known here only once the changelog has it."""

    logger = logging.getLogger("faust.segue")
    data: SessionStore

    def _new_store(self) -> SessionStore:
        return SessionStore("memory://", self.app, self, table_name=self.name, loop=self.loop)

    def load(self, session_id: str) -> Session | None:
        """The session's record; None if there is none or it cannot be read."""
        raw = self.data.data.get(session_id.encode())
        if raw is None:
            return None
        try:
            return unpack(raw)
        except msgspec.DecodeError:
            logger.exception("the record of a session cannot be read; the session begins anew")
            return None

    async def save(self, session_id: str, session: Session) -> None:
        """Write the session to its changelog partition, wait for the broker, then keep it."""
        key, value = session_id.encode(), pack(session)
        await self._log(session.partition, key, value)
        self.data.put(key, value, session.partition)

    async def mend(self, held: Collection[int]) -> int:
        """Write again what a worker that was cut off has put an older state over.

        Compaction keeps the last record, so that the next recovery would go on from the older one.
        Returns how many were written; `held` are the partitions that are ours.
        """
        late = list(self.data.overtaken.items())
        for key, partition in late:
            if partition in held and key in self.data.data:
                await self._log(partition, key, self.data.data[key])
            self.data.overtaken.pop(key, None)
        return len(late)

    async def notice(self, held: Collection[int], read: ReadChangelog) -> None:
        """Read what somebody else has written between our own records.

        A worker that was cut off may write late and die before it joins its group again: no
        rebalance follows, and nobody would read its records until the next. What they put an older
        state over is mended like what a recovery finds.
        """
        unread = self.data.unread
        for partition in list(unread):
            while partition in held and unread[partition]:
                for key, value in await read(partition, *unread[partition][0]):
                    if key and value and self.data.outdated(key, value, partition):
                        self.data.overtaken[key] = partition
                unread[partition].pop(0)
            del unread[partition]

    async def sweep(
        self, now_ms: dict[int, int], committed: Callable[[int], int | None], limits: Limits
    ) -> int:
        """Remove expired sessions, AT_ONCE at most, the longest unused first; return how many.

        Args:
            now_ms: the newest append time seen in each partition.
            committed: the committed offset of a partition: what is not committed may come again,
                and must then find the record it made.
            limits: how long a record is kept.
        """
        old = list(islice(self._old(now_ms, committed, limits), AT_ONCE))
        await asyncio.gather(*(self._log(partition, key, None) for key, partition in old))
        for key, _ in old:
            self.data.discard(key)
        return len(old)

    async def bury(self, held: Container[int], committed: Callable[[int], int | None]) -> int:
        """Write the tombstones of forgotten sessions in held partitions; return how many.

        Not before the forgetting is committed: what came before may else come again, and would
        find nothing that says that it was answered.
        """
        gone = []
        for key in self.data.forgotten:
            raw, partition = self.data.data.get(key), self.data._key_partition.get(key, -1)
            if raw is None or partition not in held:
                continue
            if place(raw).offset < (committed(partition) or 0):
                gone.append((key, partition))
        await asyncio.gather(*(self._log(partition, key, None) for key, partition in gone))
        for key, _ in gone:
            self.data.discard(key)
        return len(gone)

    def _old(
        self, now_ms: dict[int, int], committed: Callable[[int], int | None], limits: Limits
    ) -> Iterator[tuple[bytes, int]]:
        """Keys that can go, with their partitions."""
        # Each partition has its own clock, and the order of use is an order only within it.
        young: set[int] = set()
        for key, raw in self.data.data.items():
            partition = self.data._key_partition.get(key, -1)
            if partition in young or partition not in now_ms:
                continue
            try:
                session = place(raw)
            except msgspec.DecodeError:
                continue  # `load` tells of it
            if now_ms[partition] - session.appended_ms <= limits.retention_ms:
                young.add(partition)
                if len(young) == len(now_ms):
                    return
            elif session.offset < (committed(partition) or 0):
                yield key, partition

    async def _log(self, partition: int, key: bytes, value: bytes | None) -> None:
        topic = self.changelog_topic_name
        metadata = await produced(self.app, topic, key, value, partition)
        # Recovery after a rebalance need not read again what this worker wrote itself, as long as
        # nobody else has written between: a worker that was cut off and the one that took over
        # write at the same time, and what the other wrote must be read.
        recovery = cast(TableManager, self.app.tables).recovery
        tp = TP(topic, partition)
        known: int | None = recovery.active_offsets.get(tp)  # None between two recoveries
        if tp not in recovery.active_tps or known is None:
            return
        if metadata.offset == known + 1:
            recovery.active_offsets[tp] = metadata.offset
        reached = max(known, self.data.own.get(partition, known))
        if metadata.offset > reached + 1:
            self.data.unread.setdefault(partition, []).append((reached + 1, metadata.offset))
        self.data.own[partition] = max(reached, metadata.offset)
