"""What the DLQ gets: the bytes as they came, and in the headers why and from where."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from .decoding import EventError
from .records import Record
from .session import Arrival

CAP = 64 * 1024
"""Bytes of key and of value that are kept: a poison record must fit through the producer."""
REPLAYS = "segue.replays"
"""Header of an event that `segue dlq replay` sent: how often by now. A letter passes it on."""
DETAIL_CAP = 1024
"""Bytes of the sentence that are kept: it may quote what the player sent."""


def dead_letter(
    key: bytes | None,
    value: bytes | None,
    error: EventError,
    at: Arrival,
    events: str,
    dlq: str,
    replays: int = 0,
) -> Record:
    """The record for an event that breaks the contract; `events` is the topic it came from."""
    headers = [
        ("segue.reason", error.reason.encode()),
        ("segue.detail", _cut(error.detail)),
        ("segue.source.topic", events.encode()),
        ("segue.source.partition", str(at.partition).encode()),
        ("segue.source.offset", str(at.offset).encode()),
    ]
    if replays:
        headers.append((REPLAYS, str(replays).encode()))
    if value is not None and len(value) > CAP:
        headers.append(("segue.value.bytes", str(len(value)).encode()))
        headers.append(("segue.value.sha256", hashlib.sha256(value).hexdigest().encode()))
    if key is None and value is None:
        # No producer of ours sends such a record, and one that never leaves would stop its worker.
        value = b""
    return Record(
        dlq,
        None if key is None else key[:CAP],
        None if value is None else value[:CAP],
        tuple(headers),
    )


def replays_of(headers: Iterable[tuple[str, bytes]]) -> int:
    """How often an event was replayed, going by its headers; 0 where they are a stranger's."""
    said = next((value for name, value in headers if name == REPLAYS), b"")
    return int(said) if said.isdigit() and len(said) < 10 else 0


def _cut(detail: str) -> bytes:
    """UTF-8 of at most DETAIL_CAP bytes, with no character cut in two."""
    return detail.encode(errors="replace")[:DETAIL_CAP].decode(errors="ignore").encode()
