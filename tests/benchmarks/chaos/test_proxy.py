"""The proxy on bare sockets: what passes in each mood, and what a client sees of it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from benchmarks.chaos.proxy import DELAY_SECONDS, HOST, Link
from infra.node import free_ports

SECONDS = 10.0


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await reader.read(1024):
            writer.write(piece)
            await writer.drain()
    writer.close()


def through(mood: str, scene: Callable[[Link], Awaitable[None]], *, upstream: bool = True) -> None:
    """Play a scene with a link to an echo server."""

    async def played() -> None:
        listen, target = free_ports(2)
        server = await asyncio.start_server(echo, HOST, target) if upstream else None
        link = Link(listen, target)
        link.become(mood)
        proxy = await link.serve()
        try:
            async with asyncio.timeout(SECONDS):
                await scene(link)
        finally:
            for pair in list(link.pairs):
                for end in pair:
                    end.close()
            proxy.close()
            if server is not None:
                server.close()
            await asyncio.sleep(0.01)

    asyncio.run(played())


async def asked(link: Link, text: bytes = b"hello") -> bytes:
    """Send, and give what comes back."""
    reader, writer = await asyncio.open_connection(HOST, link.listen)
    try:
        writer.write(text)
        return await reader.readexactly(len(text))
    finally:
        writer.close()


async def is_reset(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read(1) == b""
    except ConnectionResetError:
        return True


def test_a_link_that_is_well_passes_everything_in_order():
    async def scene(link):
        sent = bytes(range(256)) * 4000
        assert await asked(link, sent) == sent

    through("well", scene)


def test_a_slow_link_passes_everything_later():
    async def scene(link):
        began = time.monotonic()
        assert await asked(link) == b"hello"
        assert time.monotonic() - began >= 2 * DELAY_SECONDS  # there and back

    through("delay", scene)


def test_an_end_reaches_the_other_side():
    async def scene(link):
        _, writer = await asyncio.open_connection(HOST, link.listen)
        while not link.pairs:
            await asyncio.sleep(0.01)
        writer.close()
        while link.pairs:
            await asyncio.sleep(0.01)

    through("well", scene)


def test_a_half_open_link_takes_connections_and_bytes_and_gives_none():
    async def scene(link):
        reader, writer = await asyncio.open_connection(HOST, link.listen)
        writer.write(b"hello")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await reader.read(1)
        link.become("well")
        assert await is_reset(reader)  # what was sent is lost, so the connection must be too
        assert await asked(link) == b"hello"
        writer.close()

    through("half-open", scene)


def test_connections_that_are_gone_already_do_no_harm_when_the_mood_changes():
    async def scene(link):
        for _ in range(20):
            _, writer = await asyncio.open_connection(HOST, link.listen)
            writer.write(b"hello")
            writer.transport.abort()
        link.become("well")
        link.become("cut")
        link.become("well")
        assert await asked(link) == b"hello"

    through("half-open", scene)


def test_a_cut_link_resets_what_there_is_and_what_comes():
    async def scene(link):
        reader, writer = await asyncio.open_connection(HOST, link.listen)
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        link.become("cut")
        assert await is_reset(reader)
        later, another = await asyncio.open_connection(HOST, link.listen)
        assert await is_reset(later)
        link.become("well")
        assert await asked(link) == b"hello"
        writer.close()
        another.close()

    through("well", scene)


def test_resets_come_sooner_or_later_and_never_change_a_byte():
    async def scene(link):
        reset = 0
        while not reset:
            try:
                assert await asked(link) == b"hello"
            except (ConnectionResetError, asyncio.IncompleteReadError):
                reset += 1

    through("resets", scene)


def test_a_broker_that_is_down_looks_down():
    async def scene(link):
        reader, writer = await asyncio.open_connection(HOST, link.listen)
        assert await is_reset(reader)
        writer.close()

    through("well", scene, upstream=False)


def test_a_mood_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="expected one of well, delay"):
        Link(1, 2).become("gloomy")
