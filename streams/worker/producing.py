"""Sends one record through Faust's producer, and tells a refusal of the record from all else.

aiokafka 0.14 knows an error that passes by its `retriable`; but most of those that it does not call
so pass too (no broker in sight, permissions that are being set up, an error it has no name for). A
size does not: these alone are refusals.
"""

from __future__ import annotations

from typing import Any

from aiokafka.errors import (
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    RecordTooLargeError,
)
from faust.exceptions import ProducerSendError
from faust.types import AppT
from faust.types.tuples import RecordMetadata

from ..delivery import RefusedError

REFUSALS = (MessageSizeTooLargeError, RecordListTooLargeError, RecordTooLargeError)
"""Of the producer, for `max_request_size`, or of a broker, for the topic's `max.message.bytes`."""


async def produced(
    app: AppT,
    topic: str,
    key: bytes | None,
    value: bytes | None,
    partition: int | None = None,
    headers: Any = None,  # noqa: ANN401 - Faust's
) -> RecordMetadata:
    """Send a record, wait until the broker has it, and say where.

    Raises:
        RefusedError: it is too large; sending it again would change nothing.
        KafkaError, ProducerSendError: it was not taken, and may be another time.
    """
    try:
        return await (await app.producer.send(topic, key, value, partition, None, headers))
    except ProducerSendError as err:
        if isinstance(err.__cause__, REFUSALS):
            raise _refusal(topic, key, value, err.__cause__) from err
        raise
    except REFUSALS as err:
        raise _refusal(topic, key, value, err) from err


def _refusal(
    topic: str, key: bytes | None, value: bytes | None, err: BaseException
) -> RefusedError:
    size = len(key or b"") + len(value or b"")
    return RefusedError(
        f"{topic} does not take a record of {size:,} bytes ({type(err).__name__}): raise its "
        "max.message.bytes"
    )
