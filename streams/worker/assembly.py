"""Puts a worker together: Faust's settings, the topic, the agent, the table and the parts between.

A setting that is not Faust's default is here because the default was measured to be wrong for us.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, cast

from faust.streams import Stream
from faust.types import StreamT

from infra.broker import BrokerError
from infra.topics import Topics

from ..answering import Answering
from ..batching import Batcher
from ..dead_letters import replays_of
from ..metrics import WorkerMetrics
from ..monitoring import Health
from ..records import Record
from ..settings import ConfigError, Settings
from ..slot import ModelSlot
from . import memory
from .app import WorkerApp
from .commits import Ledger
from .connections import make_steady
from .credentials import credentials
from .faust_fixes import SureTables
from .gaps import missing_events
from .intake import Arrived, Intake
from .partitions import agreed_partitions
from .producing import produced
from .table import CHANGELOG_CONFIG, SessionTable

logger = logging.getLogger(__name__)


REREAD_SECONDS = 2.0
"""How often the ends of partitions are looked at (`WorkerApp.reread_ends`)."""


def make_app(
    settings: Settings,
    topics: Topics,
    slot: ModelSlot,
    metrics: WorkerMetrics,
    health: Health,
    partitions: int,
) -> WorkerApp:
    """Put a worker together; `partitions` is how many the events topic has."""
    conf = settings.worker
    make_steady()
    app = WorkerApp(
        f"{settings.topics.prefix}{conf.group}",
        version=1,
        broker=f"aiokafka://{settings.kafka.bootstrap}",
        broker_credentials=credentials(settings.kafka.connection),
        autodiscover=False,
        store="memory://",
        topic_partitions=partitions,
        topic_replication_factor=settings.topics.replication,
        processing_guarantee="at_least_once",  # exactly_once does not cover what an agent sends
        producer_acks=-1,
        producer_linger=0.0,
        producer_compression_type=None,
        producer_max_request_size=2 * 1024 * 1024,
        table_standby_replicas=0,
        broker_commit_interval=conf.commit_interval_seconds,
        broker_max_poll_records=500,
        broker_session_timeout=conf.session_timeout_seconds,
        broker_heartbeat_interval=conf.session_timeout_seconds / 3,
        broker_request_timeout=90,
        stream_wait_empty=False,
        stream_publish_on_commit=False,
        stream_buffer_maxsize=4096,
        stream_recovery_delay=0,
        stream_processing_timeout=30,
        consumer_auto_offset_reset="earliest",
        worker_redirect_stdouts=False,
        TableManager=SureTables,
        web_enabled=False,  # metrics have their own port; Faust's server shows tables to anyone
    )
    app.ledger, app.events_topic, app.metrics = Ledger(), topics.events, metrics
    app.slot, app.health, app.standing = slot, health, {}
    app.limits = settings.session.limits
    app.idle = asyncio.Event()
    app.idle.set()
    app.writing = asyncio.Lock()
    app.batcher = Batcher(conf.max_batch, conf.max_wait_ms / 1000, capacity=4 * conf.max_batch)
    app.sessions = _sessions(app, partitions)
    app.read_changelog = partial(_read, settings, app.sessions.changelog_topic_name)
    app.answering = Answering(
        topics=topics,
        slot=slot,
        store=app.sessions,
        output=partial(_send, app),
        metrics=metrics,
        limits=app.limits,
        executor=ThreadPoolExecutor(1, thread_name_prefix="segue-scoring"),
        wall_ms=lambda: time.time() * 1000,
        monotonic=time.monotonic,
    )
    app.intake = Intake(
        ledger=app.ledger,
        batcher=app.batcher,
        missing=partial(missing_events, settings.kafka.connection, topics.events),
        partitions=partitions,
        metrics=metrics,
        monotonic=time.monotonic,
    )
    _add_agent(app)
    _add_tasks(app, partial(agreed_partitions, settings, topics), conf.partitions_check_seconds)
    return app


def _sessions(app: WorkerApp, partitions: int) -> SessionTable:
    table = SessionTable(
        app,
        name="sessions",
        partitions=partitions,
        key_type=bytes,
        value_type=bytes,
        extra_topic_configs=CHANGELOG_CONFIG,
        beacon=app.tables.beacon,
    )
    app.tables.add(table)
    return table


async def _read(
    settings: Settings, topic: str, partition: int, start: int, end: int
) -> list[tuple[bytes | None, bytes | None]]:
    found = await missing_events(settings.kafka.connection, topic, partition, start, end)
    return [(record.key, record.value) for record in found]


async def _send(app: WorkerApp, record: Record) -> None:
    await produced(app, record.topic, record.key, record.value, headers=list(record.headers))


def _add_agent(app: WorkerApp) -> None:
    events = app.topic(
        app.events_topic,
        key_type=bytes,
        value_type=bytes,
        key_serializer="raw",
        value_serializer="raw",
        allow_empty=True,
    )

    @app.agent(events, name="segue.sessions", concurrency=1)
    async def sessions(stream: StreamT[bytes]) -> None:
        # Acks are the ledger's affair: Faust would ack an event as soon as the next is asked for.
        events_in = cast("Stream[bytes]", stream).noack().events()
        async for event in events_in:
            message = event.message
            appended_ms = round((message.timestamp or 0) * 1000)
            headers = message.headers  # Faust gives a dictionary or pairs, as it came by them
            pairs = headers.items() if isinstance(headers, dict) else headers or ()
            await app.intake.take(
                Arrived(
                    message.partition,
                    message.offset,
                    appended_ms,
                    message.key,
                    message.value,
                    replays_of(pairs),
                )
            )


def _add_tasks(app: WorkerApp, agreed_partitions: Callable[[], int], check_seconds: float) -> None:
    @app.task  # type: ignore[untyped-decorator]
    async def answer() -> None:
        # Faust starts its tasks when recovery is over: from here on events are answered.
        app.look()
        held = ", ".join(map(str, app.held)) or "none yet"
        logger.info("ready: %d sessions, partitions %s", len(app.sessions.data.data), held)
        try:
            await app.answer_forever()
        except Exception as err:
            logger.exception(
                "the answering loop ended; the worker stops so that another takes over"
            )
            await app.crash(err)

    @app.timer(1.0)  # type: ignore[untyped-decorator]
    async def bury() -> None:
        await app.bury()

    @app.timer(REREAD_SECONDS)  # type: ignore[untyped-decorator]
    async def reread_ends() -> None:
        try:
            await app.reread_ends()
        except Exception:
            logger.exception("looking at the ends of partitions failed; it is tried again")

    @app.timer(memory.SECONDS)  # type: ignore[untyped-decorator]
    async def give_memory_back() -> None:
        await asyncio.get_running_loop().run_in_executor(None, memory.give_back)

    @app.timer(check_seconds)  # type: ignore[untyped-decorator]
    async def check_partitions() -> None:
        # Faust would go on with the partitions it knows, and nobody would answer the new ones.
        try:
            await asyncio.get_running_loop().run_in_executor(None, agreed_partitions)
        except BrokerError:
            return  # away: whatever waits for it tells
        except ConfigError as err:
            app.refuse(err)

    @app.on_partitions_revoked.connect
    async def revoked(*_: Any, **__: Any) -> None:  # noqa: ANN401 - Faust's signal decides
        app.forget_lag()
        if app.held:
            await app.drain()
            app.intake.open = not app.should_stop
