"""What a worker keeps of its sessions in memory: the table's dictionary, and what is to be mended.

Of two records about a session the one of the later event counts, whichever was written last.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any, Protocol, cast

import msgspec
from faust.stores.memory import Store as MemoryStore
from faust.types import EventT

from ..session import is_forgotten, newer, place
from ..settings import ConfigError


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
        self.unread: dict[int, list[tuple[int, int]]] = {}
        """By partition, offsets (from, to) of the changelog that somebody else has written."""
        self.own: dict[int, int] = {}
        """By partition, the last offset that we have written."""

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
            elif self.outdated(key, value, partition):
                self.overtaken[key] = partition
            else:
                self.put(key, value, partition)

    def outdated(self, key: bytes, value: bytes, partition: int) -> bool:
        """Whether a record is of an earlier event than what is kept of its session."""
        kept = self.data.get(key)
        if kept is None or self._key_partition.get(key) != partition:
            return False
        try:
            return place(value).outdated_by(place(kept))
        except msgspec.DecodeError:
            return False
