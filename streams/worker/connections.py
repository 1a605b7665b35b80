"""aiokafka's connections on uvloop: a write to what the other side has closed is an error of the
connection, and clients try again.

aiokafka 0.14 catches OSError there, as asyncio's transports raise it; uvloop's raise RuntimeError.
That one ended a worker in the middle of a cut link: the fetcher takes an error it does not know for
one that nobody can mend.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import aiokafka.conn
from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError, KafkaError


class SteadyConnection(AIOKafkaConnection):  # type: ignore[misc]
    """Raises KafkaConnectionError where the transport is closed, on every event loop."""

    def send(self, request: Any, expect_response: bool = True) -> Awaitable[Any]:  # noqa: ANN401
        """Send a request; the answer is awaited."""
        try:
            sent: Awaitable[Any] = super().send(request, expect_response)
        except KafkaError:  # a RuntimeError too
            raise
        except RuntimeError as err:
            raise self._broken(err) from err
        return sent

    def _send_sasl_token(self, payload: bytes, expect_response: bool = True) -> Awaitable[Any]:
        try:
            sent: Awaitable[Any] = super()._send_sasl_token(payload, expect_response)
        except KafkaError:  # a RuntimeError too
            raise
        except RuntimeError as err:
            raise self._broken(err) from err
        return sent

    def _broken(self, err: RuntimeError) -> KafkaConnectionError:
        self.close(reason=CloseReason.CONNECTION_BROKEN)
        return KafkaConnectionError(f"Connection at {self.host}:{self.port} broken: {err}")


def make_steady() -> None:
    """Have every aiokafka client of this process connect in this way."""
    aiokafka.conn.AIOKafkaConnection = SteadyConnection
