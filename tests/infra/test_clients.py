"""Clients that find no broker leave no thread and no socket."""

import os
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from infra.clients import make_client


@pytest.fixture
def hangs_up() -> Iterator[str]:
    """Something that takes connections and closes them at once, as a cut link does."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                listener.accept()[0].close()
            except OSError:
                return

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"127.0.0.1:{listener.getsockname()[1]}"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def held() -> tuple[int, int]:
    return threading.active_count(), len(os.listdir("/proc/self/fd"))


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts descriptors in /proc")
@pytest.mark.parametrize("kind", [KafkaConsumer, KafkaProducer, KafkaAdminClient])
def test_a_client_that_finds_no_broker_leaves_nothing_behind(kind, hangs_up):
    before = held()
    for _ in range(3):
        with pytest.raises(KafkaError):
            make_client(kind, hangs_up, bootstrap_timeout_ms=300)
    deadline = time.monotonic() + 10
    while held() != before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert held() == before


@pytest.mark.broker
def test_a_client_that_finds_one_works(broker):
    client = make_client(KafkaAdminClient, broker)
    assert isinstance(client.list_topics(), list)
    client.close()
