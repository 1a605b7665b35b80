"""Sends records until the broker has them, and finds those that no broker will ever take.

Brokers refuse a batch whole, for one record in it: who was refused is therefore tried again alone,
and only what is refused alone is given up. Free of Faust and of any client: an attempt raises
RefusedError for a refusal of the record itself, and anything else while the broker is away.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from .decoding import EventError
from .events import PlaybackEvent
from .metrics import WorkerMetrics
from .session import Arrival

logger = logging.getLogger(__name__)

RETRY_SECONDS = (0.05, 0.2, 1.0, 2.0)
"""Pauses before a send is tried again; the last repeats for as long as the broker is away."""


class RefusedError(RuntimeError):
    """No broker will take this record, however often it is sent: it is too large, for example."""


class Claim(Protocol):
    """An offset that is ours to answer, while it is `live`."""

    @property
    def live(self) -> bool: ...  # noqa: D102

    def done(self) -> None: ...  # noqa: D102


@dataclass(slots=True, frozen=True)
class Delivery:
    """One record of the events topic, decoded or found wanting."""

    claim: Claim
    at: Arrival
    key: bytes | None
    value: bytes | None
    decoded: PlaybackEvent | EventError
    taken_at: float
    replays: int = 0  # how often the event was sent again from a dead letter

    @property
    def group(self) -> str | None:
        """The session, of which a batch holds one event; None for what will be a dead letter."""
        return None if isinstance(self.decoded, EventError) else self.decoded.session_id


@dataclass(slots=True, frozen=True)
class Send:
    """A record that answers a delivery; `last` is one that must not be given up, a dead letter."""

    delivery: Delivery
    attempt: Callable[[], Awaitable[None]]
    last: bool = False


async def deliver(sends: Sequence[Send], metrics: WorkerMetrics) -> dict[Arrival, str]:
    """Send, and send again what the broker did not take, until it has all that is still ours.

    Gives, for deliveries with a record that was refused for its own sake, what the broker said.
    """
    refused: dict[Arrival, str] = {}
    tries = 0
    while sends := [send for send in sends if send.delivery.claim.live]:
        failed = await _failed(sends)
        again = [send for send, err in failed if not _given_up(send, err)]
        for suspect in (send for send, err in failed if _given_up(send, err)):
            for _, err in await _failed([suspect]):
                if _given_up(suspect, err):
                    refused[suspect.delivery.at] = str(err)
                else:
                    again.append(suspect)
        if not again:
            break
        if tries == 0:
            said = "the broker did not take %d records, trying again: %r"
            logger.warning(said, len(again), failed[0][1])
        metrics.retries.inc(len(again))
        await asyncio.sleep(RETRY_SECONDS[min(tries, len(RETRY_SECONDS) - 1)])
        tries += 1
        sends = again
    return refused


async def _failed(sends: Sequence[Send]) -> list[tuple[Send, BaseException]]:
    """Send all at once; give those that failed, with their errors."""
    attempts = (send.attempt() for send in sends)
    results = await asyncio.gather(*attempts, return_exceptions=True)
    return [(send, err) for send, err in zip(sends, results, strict=True) if err is not None]


def _given_up(send: Send, err: BaseException) -> bool:
    return isinstance(err, RefusedError) and not send.last
