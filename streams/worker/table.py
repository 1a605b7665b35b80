"""The sessions of a worker's partitions: a Faust table whose writes can be waited for.

Faust recovers it from its changelog. Records are bytes (session.py packs them), kept in the order
of their last write, so that the sweep finds the oldest first.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Container, Iterable, Iterator
from itertools import islice
from typing import Any, Protocol, cast

import faust
import msgspec
from faust.stores.memory import Store as MemoryStore
from faust.tables import TableManager
from faust.types import TP, EventT

from ..session import Limits, Session, is_forgotten, newer, pack, place, unpack
from ..settings import ConfigError

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


class Refuses(Protocol):
    """An application that can stop by itself."""

    def refuse(self, why: Exception) -> None: ...  # noqa: D102 - the class says it


class SessionStore(MemoryStore[bytes, bytes]):
    """The table's dictionary: session_id bytes -> packed session."""

    logger = logging.getLogger("faust.segue")  # Faust's own lines are not ours

    def __post_init__(self) -> None:
        super().__post_init__()
        self.overtaken: dict[bytes, int] = {}
        """Sessions whose last record in the changelog is not their newest, with partitions."""
        self.forgotten: set[bytes] = set()
        """Keys of records that only say so, and wait for their tombstone."""

    def put(self, key: bytes, value: bytes, partition: int) -> None:
        """Keep a session as the newest."""
        self.data.pop(key, None)
        self.data[key] = value
        self._key_partition[key] = partition
        self.overtaken.pop(key, None)
        (self.forgotten.add if is_forgotten(value) else self.forgotten.discard)(key)

    def discard(self, key: bytes) -> None:
        """Forget a session."""
        self.data.pop(key, None)
        self._key_partition.pop(key, None)
        self.overtaken.pop(key, None)
        self.forgotten.discard(key)

    def apply_changelog_batch(
        self,
        batch: Iterable[EventT[Any]],
        to_key: Callable[[Any], Any],
        to_value: Callable[[Any], Any],
    ) -> None:
        """Apply changelog records: of two about a session, the one of the later event counts.

        A worker that was cut off may write once more when it wakes; its record is the later one in
        the changelog and the earlier one in the session. `overtaken` then holds the session.
        """
        for event in batch:
            key, value = event.message.key, event.message.value
            partition = event.message.partition
            if key is None:
                continue
            if value is None:
                self.discard(key)
            elif newer(value):
                cast("Refuses", self.app).refuse(
                    ConfigError(
                        f"{event.message.topic} partition {partition} offset "
                        f"{event.message.offset}: a newer version of Segue has written this "
                        "session's record; start that version again, or begin with an empty "
                        "changelog under another SEGUE_WORKER__GROUP (docs/operations.md, Upgrade)"
                    )
                )
                return
            elif self._outdated(key, value, partition):
                self.overtaken[key] = partition
            else:
                self.put(key, value, partition)

    def _outdated(self, key: bytes, value: bytes, partition: int) -> bool:
        kept = self.data.get(key)
        if kept is None or self._key_partition.get(key) != partition:
            return False
        try:
            return place(value).outdated_by(place(kept))
        except msgspec.DecodeError:
            return False


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
        sent = await self.app.producer.send(topic, key, value, partition, None, None)
        metadata = await sent
        # Recovery after a rebalance need not read again what this worker wrote itself, as long as
        # nobody else has written between: a worker that was cut off and the one that took over
        # write at the same time, and what the other wrote must be read.
        recovery = cast(TableManager, self.app.tables).recovery
        tp = TP(topic, partition)
        known: int | None = recovery.active_offsets.get(tp)  # None between two recoveries
        if tp in recovery.active_tps and known is not None and metadata.offset == known + 1:
            recovery.active_offsets[tp] = metadata.offset
