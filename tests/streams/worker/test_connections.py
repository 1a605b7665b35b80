"""A connection whose other side is gone, on the loop that workers run on."""

import asyncio

import aiokafka.conn
import pytest
import uvloop
from aiokafka.conn import AIOKafkaConnection, create_conn
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.admin import ApiVersionRequest

from streams.worker.connections import SteadyConnection, make_steady


async def sent_after_a_cut(bootstrap: str) -> AIOKafkaConnection:
    host, port = bootstrap.split(":")
    connection = await create_conn(host, int(port))
    try:
        connection._writer.transport.abort()
        await asyncio.sleep(0)  # closed by now, and who reads has not been told yet
        await connection.send(ApiVersionRequest())
    finally:
        connection.close()
    return connection


def test_a_write_to_a_closed_transport_is_an_error_of_the_connection(broker, monkeypatch):
    monkeypatch.setattr(aiokafka.conn, "AIOKafkaConnection", AIOKafkaConnection)
    with pytest.raises(RuntimeError, match="handler is closed"):  # what aiokafka alone does with it
        uvloop.run(sent_after_a_cut(broker))
    make_steady()
    assert aiokafka.conn.AIOKafkaConnection is SteadyConnection
    with pytest.raises(KafkaConnectionError, match=r"broken: .*handler is closed"):
        uvloop.run(sent_after_a_cut(broker))
