"""A record on its way to a topic."""

from __future__ import annotations

from typing import NamedTuple


class Record(NamedTuple):
    """What a producer needs to send one record; the key decides the partition (murmur2)."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
