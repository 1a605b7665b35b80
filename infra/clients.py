"""Makes kafka-python's clients so that one that finds no broker leaves nothing behind.

kafka-python 3.0.12 starts a thread with three descriptors before it looks for a broker, and keeps
them when it finds none: whoever looks again every few seconds collects them without end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from kafka.net.compat import KafkaNetClient

from .connection import Address, connection

Client = TypeVar("Client")


def make_client(kind: Callable[..., Client], to: Address, **more: Any) -> Client:  # noqa: ANN401
    """Make a KafkaConsumer, KafkaProducer or KafkaAdminClient.

    Args:
        kind: its class.
        to: where the broker is, and how it is spoken to.
        more: what else the class takes.

    Raises:
        KafkaError: no broker answers, or none that will have us.
    """
    networks: list[KafkaNetClient] = []

    def network(**config: Any) -> KafkaNetClient:  # noqa: ANN401 - kafka-python has no types
        networks.append(KafkaNetClient(**config))
        return networks[-1]

    try:
        return kind(**connection(to).client_arguments(), kafka_client=network, **more)
    except BaseException:
        for made in networks:
            made.close()
        raise
