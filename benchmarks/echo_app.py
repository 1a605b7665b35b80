"""The least that Faust can do: an agent that sends every event on, with no table and no thought.

Run as `python -m benchmarks.echo_app BOOTSTRAP FROM TO PARTITIONS`. A worker's latency is held
against it: the same event loop and the same kind of serialisers, and else Faust's own settings, but
for one. Stock Faust lets a fetch wait 1.5 s; on a busy machine its echo was seen to settle at a p50
of 1.2 s, and the comparison would flatter the worker. So the echo fetches as promptly as we do.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import faust
import uvloop
from faust.transport.drivers import aiokafka as driver
from faust.types import StreamT

from streams.worker.faust_fixes import PromptThread


class EchoConsumer(driver.Consumer):
    """Faust's consumer with our fetch wait."""

    def _new_consumer_thread(self) -> PromptThread:
        return PromptThread(self, loop=self.loop, beacon=self.beacon)


class EchoTransport(driver.Transport):
    """The aiokafka transport with the consumer above."""

    Consumer = EchoConsumer


class EchoApp(faust.App):
    """A Faust application with the transport above."""

    def _create_directories(self) -> None:
        """Nothing is kept on disk, so nothing is left in the folder it was started in."""

    def _new_transport(self) -> EchoTransport:
        return EchoTransport(self.conf.broker_consumer, self)


def make_app(bootstrap: str, source: str, target: str, partitions: int) -> faust.App:
    """Make the app; both topics have to be there."""
    app = EchoApp(
        f"echo-{source}",
        broker=f"aiokafka://{bootstrap}",
        autodiscover=False,
        store="memory://",
        topic_partitions=partitions,
        topic_replication_factor=1,
        worker_redirect_stdouts=False,
        web_enabled=False,
    )
    # A dict, so that both topics are surely the same.
    raw: dict[str, Any] = {"key_type": bytes, "value_type": bytes}
    raw |= {"key_serializer": "raw", "value_serializer": "raw"}
    events, out = app.topic(source, **raw), app.topic(target, **raw)

    @app.agent(events, name="segue.echo")
    async def echo(stream: StreamT[bytes]) -> None:
        async for event in stream.events():
            await out.send(key=event.key, value=event.value)

    return app


def main() -> None:
    """Echo until a signal comes."""
    bootstrap, source, target, partitions = sys.argv[1:]
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    app = make_app(bootstrap, source, target, int(partitions))
    worker = app.Worker(loop=loop, quiet=True, loglevel="WARN")
    worker.spinner = None  # it writes escape codes into logs
    worker.execute_from_commandline()


if __name__ == "__main__":
    main()
