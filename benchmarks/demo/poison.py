"""Events that break the contract, sent among the others so that dead letters are seen and counted.

They are the demo's own, and say so in every id they have; no listener sent them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from typing import NamedTuple

from kafka import KafkaProducer
from kafka.errors import KafkaError

from infra.broker import BrokerError
from infra.clients import make_client
from infra.connection import Address

SECONDS = 4.0
"""Between two of them."""
_LABEL = "demo-poison"


class Poison(NamedTuple):
    """A record, and the reason for which it must be refused."""

    reason: str
    key: bytes
    value: bytes | None


def poison(now: str) -> Iterator[Poison]:
    """Give one kind after the other, without end; `now` is RFC 3339."""
    for number in count():
        for reason, value in _kinds(f"{_LABEL}-{number}", now):
            yield Poison(reason, f"{_LABEL}-{number}".encode(), value)


@contextmanager
def poisoning(bootstrap: Address, topic: str) -> Iterator[Callable[[float], int]]:
    """Give what sends the poison that is due after so many seconds; it tells how much was sent.

    Raises:
        BrokerError: the broker does not take it.
    """
    kinds = poison(datetime.now(UTC).isoformat(timespec="seconds"))
    sent = 0
    producer = None

    def send(seconds: float) -> int:
        nonlocal sent
        assert producer is not None
        while sent < seconds / SECONDS:
            sent += 1
            _, key, value = next(kinds)
            producer.send(topic, key=key, value=value)
        return sent

    try:
        producer = make_client(KafkaProducer, bootstrap, acks="all")
        yield send
        producer.flush(timeout=10)
    except KafkaError as err:
        raise BrokerError(f"{bootstrap} did not take an event: {err}") from err
    finally:
        if producer is not None:
            producer.close(timeout=2)


def _kinds(name: str, now: str) -> Iterator[tuple[str, bytes | None]]:
    event = {"session_id": name, "track_id": name, "event": "play", "occurred_at": now}
    yield "not_json", json.dumps(event)[:-9].encode()
    yield "missing_field", json.dumps({k: event[k] for k in event if k != "track_id"}).encode()
    yield "bad_type", json.dumps({**event, "ms_played": "long"}).encode()
    yield "empty", None
    yield "not_utf8", json.dumps({**event, "user_id": "?"}).encode().replace(b"?", b"\xff")
    yield "out_of_time", json.dumps({**event, "occurred_at": "1999-12-31T23:59:59Z"}).encode()
    yield "too_large", json.dumps({**event, "user_id": "x" * 20_000}).encode()
    yield "duplicate_key", json.dumps(event).encode().replace(b"{", b'{"event": "skip", ', 1)
