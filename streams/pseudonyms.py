"""Session ids that say nothing to who has no key: the same id always becomes the same pseudonym.

For producers whose own session ids can be traced to a person. Whoever has the key can tell which
pseudonym an id became, so it stays with the producer; a new key breaks the link to what was before.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from .replay import Scheduled

SHORTEST: Final = 16  # bytes of a key


def pseudonym(session_id: str, key: bytes) -> str:
    """HMAC-SHA256 of the id (UTF-8) under the key, its first 32 hex digits.

    A plain hash would not do: ids can be guessed, and every guess hashed.

    Raises:
        ValueError: the key is shorter than 16 bytes.
    """
    if len(key) < SHORTEST:
        raise ValueError(
            f"a key of {len(key)} bytes: expected at least {SHORTEST}; make one with "
            "`openssl rand -hex 32`"
        )
    return hmac.new(key, session_id.encode(), hashlib.sha256).hexdigest()[:32]


def pseudonymous(events: Iterable[Scheduled], key: bytes) -> Iterator[Scheduled]:
    """The same events, each under its session's pseudonym.

    Raises:
        ValueError: the key is shorter than 16 bytes.
    """
    for at, event in events:
        id_ = pseudonym(event.session_id, key)
        yield Scheduled(at, msgspec.structs.replace(event, session_id=id_))
