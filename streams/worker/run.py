"""One worker process from its first line to its last: metrics, model, Faust, and a clean end."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import NoReturn

import uvloop
from prometheus_client import CollectorRegistry

from infra.connection import DeniedError
from infra.topics import Topics

from ..announcements import announce, announcement, latest
from ..events import ModelAnnouncement
from ..metrics import WorkerMetrics
from ..monitoring import Health, serve_metrics
from ..recommendations import rfc3339
from ..scoring import Scorer, load_scorer
from ..settings import Settings
from ..slot import ModelSlot
from ..swap import Follower
from .assembly import make_app
from .partitions import agreed_partitions
from .watchdog import Watchdog

logger = logging.getLogger(__name__)

CATCH_UP_SECONDS = 20.0
"""How long the champion may take to be loaded before the log says that it takes long."""


def run_worker(settings: Settings, bundle: Path | None, name: str | None) -> NoReturn:
    """Serve until a signal ends the process, or the watchdog does (exit code 3).

    The model is loaded and warm before the group is joined: whoever joins takes partitions from
    workers that answer.

    Args:
        settings: the frozen tree.
        bundle: serve this bundle, and whatever is later announced under its name.
        name: serve the champion of this name; until there is one, lists are empty (`no_model`).

    Raises:
        BundleError: the bundle is refused.
        BrokerError: no broker answers, or the topics are not there.
        ConfigError: the topics do not fit together, at the start or later.
        SystemExit: the worker was stopped; code 0 after a signal.
    """
    topics = Topics.named(settings.topics.prefix)
    partitions = agreed_partitions(settings, topics)
    registry = CollectorRegistry()
    metrics, health = WorkerMetrics(registry), Health(unready="the model is being loaded")
    conf = settings.worker
    server = serve_metrics(registry, conf.metrics_host, conf.metrics_port, health)
    logger.info("metrics at http://%s:%d/metrics", *server.server_address[:2])
    slot = ModelSlot(load_scorer(bundle, settings.scoring) if bundle is not None else None)
    followed = name or (slot.current.name if slot.current else "")
    follower = _follow(settings, topics, followed, slot, metrics)
    _show_model(slot, metrics)
    _introduce(settings, topics, slot)
    # The loop must exist before the app: Faust's parts take the current one as theirs.
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())  # the consumer's thread makes its own
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    app = make_app(settings, topics, slot, metrics, health, partitions)
    worker = app.Worker(loop=loop, quiet=True, loglevel="WARN", logging_config=log_config())
    worker.spinner = None  # it writes escape codes into logs
    watchdog = Watchdog(
        loop, app.look, health, patience=conf.live_seconds, grace=conf.watchdog_seconds
    )
    watchdog.start()
    try:
        worker.execute_from_commandline()
    except SystemExit:
        if app.ended_by is not None:
            raise app.ended_by from None
        raise
    finally:
        watchdog.stop()
        follower.stop(timeout=1.0)
        server.shutdown()


def _follow(
    settings: Settings, topics: Topics, name: str, slot: ModelSlot, metrics: WorkerMetrics
) -> Follower:
    def outcome(what: str, _: ModelAnnouncement, __: float) -> None:
        metrics.swaps.labels(what).inc()
        _show_model(slot, metrics)

    def load(path: Path) -> Scorer:
        return load_scorer(path, settings.scoring)

    follower = Follower(
        settings.kafka.connection,
        topics.models,
        name,
        slot,
        load,
        root=settings.models.root,
        slow_factor=settings.scoring.slow_factor,
        on_outcome=outcome,
        on_refusal=lambda reason: metrics.refusals.labels(reason).inc(),
    )
    follower.start()
    began = time.monotonic()
    while not follower.catch_up(CATCH_UP_SECONDS):
        logger.warning(
            "%s: the champion is not loaded yet, after %.0f s; the group is joined when it is",
            name, time.monotonic() - began,
        )  # fmt: skip
    return follower


def _introduce(settings: Settings, topics: Topics, slot: ModelSlot) -> None:
    """Announce the first bundle of a name, so that the fine-tune knows whom to challenge."""
    scorer = slot.current
    bootstrap = settings.kafka.connection
    if scorer is None or scorer.name in latest(bootstrap, topics.models):
        return
    first = announcement(scorer.bundle, "champion", rfc3339(time.time() * 1000))
    try:
        announce(bootstrap, topics.models, [first])
    except DeniedError as err:
        # A worker has no need to say what others serve, so its role is not allowed to.
        logger.warning(
            "%s %s is not announced, so no fine-tune challenges it: %s; an operator can: `segue "
            "models promote %s %s`", scorer.name, scorer.version, err, scorer.name, scorer.version,
        )  # fmt: skip
        return
    logger.info("announced %s %s, the first of its name", scorer.name, scorer.version)


def _show_model(slot: ModelSlot, metrics: WorkerMetrics) -> None:
    scorer = slot.current
    metrics.model.clear()
    if scorer is None:
        return
    manifest = scorer.bundle.manifest
    labels = (scorer.name, scorer.version, manifest.architecture, scorer.provider)
    metrics.model.labels(*labels).set(1)
    metrics.model_created.set(datetime.fromisoformat(manifest.created_at).timestamp())


def log_config() -> dict[str, object]:
    """Our own lines at INFO, everybody else's from WARNING on, all to stderr."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "line",
                "stream": sys.stderr,
            }
        },
        "root": {"level": "WARNING", "handlers": ["stderr"]},
        "loggers": {room: {"level": "INFO"} for room in ("streams", "models", "infra", "export")},
    }
