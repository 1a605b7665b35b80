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

from infra.broker import BrokerError
from infra.connection import DeniedError
from infra.topics import Topics, partition_counts

from ..announcements import announce, announcement, latest
from ..events import ModelAnnouncement
from ..metrics import WorkerMetrics
from ..monitoring import serve_metrics
from ..recommendations import rfc3339
from ..scoring import Scorer, load_scorer
from ..settings import ConfigError, Settings
from ..slot import ModelSlot
from ..swap import Follower
from .assembly import make_app

logger = logging.getLogger(__name__)

CATCH_UP_SECONDS = 20.0


def run_worker(settings: Settings, bundle: Path | None, name: str | None) -> NoReturn:
    """Serve until a signal ends the process.

    Args:
        settings: the frozen tree.
        bundle: serve this bundle, and whatever is later announced under its name.
        name: serve the champion of this name; until there is one, lists are empty (`no_model`).

    Raises:
        BundleError: the bundle is refused.
        BrokerError: no broker answers, or the topics are not there.
        ConfigError: the topics do not fit together.
        SystemExit: the worker was stopped; code 0 after a signal.
    """
    topics = Topics.named(settings.topics.prefix)
    partitions = _partitions(settings, topics)
    registry = CollectorRegistry()
    metrics = WorkerMetrics(registry)
    slot = ModelSlot(load_scorer(bundle, settings.scoring) if bundle is not None else None)
    server = serve_metrics(
        registry,
        settings.worker.metrics_host,
        settings.worker.metrics_port,
        ready=lambda: bool(metrics.ready._value.get()),
    )
    logger.info("metrics at http://%s:%d/metrics", *server.server_address[:2])
    followed = name or (slot.current.name if slot.current else "")
    follower = _follow(settings, topics, followed, slot, metrics)
    _show_model(slot, metrics)
    _introduce(settings, topics, slot)
    # The loop must exist before the app: Faust's parts take the current one as theirs.
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())  # the consumer's thread makes its own
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    app = make_app(settings, topics, slot, metrics, partitions)
    worker = app.Worker(loop=loop, quiet=True, loglevel="WARN", logging_config=log_config())
    worker.spinner = None  # it writes escape codes into logs
    try:
        worker.execute_from_commandline()
    finally:
        follower.stop(timeout=1.0)
        server.shutdown()


def _partitions(settings: Settings, topics: Topics) -> int:
    """How many partitions the topics have, which must be the same for all three.

    Faust finds out about a mismatch at its first write, and then serves nothing, in silence.
    """
    bootstrap = settings.kafka.connection
    names = (topics.events, topics.recommendations, topics.feedback)
    changelog = settings.changelog
    counts = partition_counts(bootstrap, [*names, topics.models, topics.dlq, changelog])
    absent = [name for name in (*names, topics.models, topics.dlq) if name not in counts]
    if absent:
        raise BrokerError(
            f"{bootstrap} has no topic {', '.join(absent)}; make them with "
            f"`segue topics create --bootstrap {bootstrap}`"
        )
    found = {name: counts[name] for name in names}
    if changelog in counts:
        found[changelog] = counts[changelog]
    if len(set(found.values())) != 1:
        raise ConfigError(
            f"partition counts differ: {found}; events, recommendations, feedback and the "
            "changelog need the same count: make the topics anew, or change SEGUE_WORKER__GROUP "
            "to begin with an empty changelog"
        )
    return counts[topics.events]


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
    if not follower.catch_up(CATCH_UP_SECONDS):
        logger.warning("announcements of %s were not read within %.0f s", name, CATCH_UP_SECONDS)
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
