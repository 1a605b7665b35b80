"""A small TCP proxy between workers and brokers, whose links can be made bad.

Run as `python -m benchmarks.chaos.proxy FROM:TO...`, in a process of its own; links.py starts and
commands it. A command is a line of JSON on the control port, `{"links": [N...], "mood": MOOD}`,
and is answered with a line. It forwards bytes and knows nothing of Kafka.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import struct
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import uvloop

HOST = "127.0.0.1"
DELAY_SECONDS = 0.2
RESET_SHARE = 0.01
MOODS = ("well", "delay", "resets", "half-open", "cut")
"""delay: each way DELAY_SECONDS. resets: RESET_SHARE of the pieces reset their connection instead
of arriving. half-open: connections stay and are made, and nothing arrives. cut: connections are
reset and none is made."""
_PIECE = 64 * 1024
_LINGER = struct.pack("ii", 1, 0)  # close with a reset, as a crashed machine's neighbour sees it


@dataclass
class Link:
    """One way to one broker: `mood` decides what becomes of what passes."""

    listen: int
    target: int
    mood: str = "well"
    rng: random.Random = field(default_factory=lambda: random.Random(0))
    pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = field(default_factory=set)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def become(self, mood: str) -> None:
        """Change the mood, at once and for the connections that are there.

        Raises:
            ValueError: there is no such mood.
        """
        if mood not in MOODS:
            raise ValueError(f"mood {mood!r}: expected one of {', '.join(MOODS)}")
        was, self.mood = self.mood, mood
        # A half-open connection has lost what was sent: nothing can be made of the rest.
        if mood == "cut" or was == "half-open":
            for pair in list(self.pairs):
                _reset(*pair)
        self.changed.set()
        self.changed = asyncio.Event()

    async def serve(self) -> asyncio.Server:
        """Listen. Raises OSError when the port is taken."""
        return await asyncio.start_server(self._connected, HOST, self.listen, limit=_PIECE)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.mood == "cut":
            _reset(writer)
            return
        try:
            there = await asyncio.open_connection(HOST, self.target, limit=_PIECE)
        except OSError:  # the broker is down: the client must see what it would see without us
            _reset(writer)
            return
        pair = (writer, there[1])
        self.pairs.add(pair)
        try:
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._forward(reader, there[1], pair))
                ways.create_task(self._forward(there[0], writer, pair))
        except* (OSError, asyncio.CancelledError):
            pass
        finally:
            self.pairs.discard(pair)
            for end in pair:
                end.close()

    async def _forward(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        pair: tuple[asyncio.StreamWriter, asyncio.StreamWriter],
    ) -> None:
        """Pass on what comes until an end closes; then close the pair, by its end or a reset."""
        late: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        clock = asyncio.get_running_loop()
        sending = clock.create_task(_send_late(late, writer))
        try:
            while piece := await reader.read(_PIECE):
                while self.mood == "half-open":
                    await self.changed.wait()
                if self.mood == "resets" and self.rng.random() < RESET_SHARE:
                    _reset(*pair)
                    return
                due = clock.time() + (DELAY_SECONDS if self.mood == "delay" else 0.0)
                late.put_nowait((due, piece))
            await late.join()
        finally:
            sending.cancel()
            for end in pair:
                end.close()


async def _send_late(
    pieces: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter
) -> None:
    """Write pieces in order, none before it is due."""
    clock = asyncio.get_running_loop()
    while True:
        due, piece = await pieces.get()
        if (early := due - clock.time()) > 0:
            await asyncio.sleep(early)
        with suppress(OSError):
            writer.write(piece)
            await writer.drain()
        pieces.task_done()


def _reset(*ends: asyncio.StreamWriter) -> None:
    for end in ends:
        raw = end.get_extra_info("socket")
        if raw is not None:
            with suppress(OSError, ValueError):  # it is closed already
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
        end.transport.abort()


async def proxying(links: Sequence[Link]) -> None:
    """Serve links and the control port, which is announced, until stdin or the process ends."""

    async def commanded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            asked = json.loads(line)
            for number in asked["links"]:
                links[number].become(asked["mood"])
            writer.write(b"done\n")
            await writer.drain()
        writer.close()

    for link in links:
        await link.serve()
    control = await asyncio.start_server(commanded, HOST, 0)
    print(f"control at {control.sockets[0].getsockname()[1]}", flush=True)
    await control.serve_forever()


def main(arguments: Sequence[str]) -> None:
    """Run the proxy: FROM:TO for each link."""
    ports = [text.split(":") for text in arguments]
    links = [
        Link(int(listen), int(target), rng=random.Random(number))
        for number, (listen, target) in enumerate(ports)
    ]
    uvloop.run(proxying(links))


if __name__ == "__main__":
    main(sys.argv[1:])
