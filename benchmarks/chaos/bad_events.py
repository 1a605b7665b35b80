"""Events that break the contract among the others, sent by somebody who may lose a broker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from kafka.errors import KafkaError

from infra.broker import BrokerError

from ..demo.poison import poisoning


@contextmanager
def bad_events(bootstrap: str, topic: str) -> Iterator[Callable[[float], int]]:
    """Give what sends those that are due after so many seconds.

    One that no broker takes within seconds of the end is given up: it is in no ledger, and the
    audit counts it only where it was appended.

    Raises:
        BrokerError: no broker answers at first.
    """
    opened = poisoning(bootstrap, topic)
    send = opened.__enter__()
    try:
        yield send
    finally:
        with suppress(BrokerError, KafkaError):
            opened.__exit__(None, None, None)
