"""The models topic: which bundle of a name is the champion, told once and kept by compaction.

Writes and reads announcements; it neither opens a bundle nor decides which one deserves the stage
(models/finetuning/gate.py does), nor follows the topic (swap.py does).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

import msgspec
from kafka import KafkaProducer
from kafka.errors import KafkaError

from infra.broker import BrokerError
from infra.clients import make_client
from infra.connection import Address, DeniedError, connection
from infra.greeting import require_broker
from infra.reader import Record, read_to_end

from .bundle import Bundle, BundleError
from .events import ModelAnnouncement, encode

logger = logging.getLogger(__name__)

Stage = Literal["candidate", "champion", "rolled_back"]
_decoder = msgspec.json.Decoder(ModelAnnouncement)


def announcement(bundle: Bundle, stage: Stage, announced_at: str) -> ModelAnnouncement:
    """Say of a verified bundle which stage it is on; `announced_at` is RFC 3339."""
    return ModelAnnouncement(
        name=bundle.manifest.name,
        version=bundle.manifest.version,
        uri=bundle.path.resolve().as_uri(),
        sha256=bundle.sha256,
        parent=bundle.manifest.parent,
        stage=stage,
        metrics=_flat(bundle.manifest.metrics),
        announced_at=announced_at,
    )


def announce(
    bootstrap: Address,
    topic: str,
    announcements: Iterable[ModelAnnouncement],
    timeout_s: float = 15.0,
) -> None:
    """Write announcements in this order, acknowledged by all replicas.

    They leave in one batch, which a log has whole or not at all: a roll-back can then not end
    between the version it withdraws and the champion it names.

    Raises:
        BrokerError: no broker answers, or it does not acknowledge in time.
    """
    require_broker(bootstrap)
    producer = None
    try:
        producer = make_client(
            KafkaProducer,
            bootstrap,
            acks="all",
            max_block_ms=int(timeout_s * 1000),
            delivery_timeout_ms=int(timeout_s * 1000),
            request_timeout_ms=int(timeout_s * 500),
            bootstrap_timeout_ms=int(timeout_s * 1000),
            linger_ms=50,
            allow_auto_create_topics=False,
        )
        sent = [
            producer.send(topic, key=entry.name.encode(), value=encode(entry))
            for entry in announcements
        ]
        for future in sent:
            future.get(timeout=timeout_s)
    except KafkaError as err:
        refused = connection(bootstrap).refusal(err)
        if isinstance(refused, DeniedError):
            raise refused from err
        raise BrokerError(
            f"broker {bootstrap} did not take an announcement on {topic}: {err}; "
            "is it running, and was the topic made with `segue topics create`?"
        ) from err
    finally:
        if producer is not None:
            producer.close(timeout=2)


def latest(bootstrap: Address, topic: str) -> dict[str, ModelAnnouncement]:
    """Read the last announcement of every name.

    Raises:
        BrokerError: no broker answers, or there is no such topic.
    """
    read = (read_announcement(record) for record in read_to_end(bootstrap, topic).records)
    return {entry.name: entry for entry in read if entry is not None}


def read_announcement(record: Record) -> ModelAnnouncement | None:
    """Read a record of the topic; None, and a warning, when it is no announcement."""
    try:
        if record.value is None:  # a tombstone: the name was removed by hand
            return None
        entry = _decoder.decode(record.value)
    except msgspec.DecodeError as err:
        logger.warning("announcement at offset %d is not readable: %s", record.offset, err)
        return None
    return entry


def bundle_path(entry: ModelAnnouncement, root: Path | None = None) -> Path:
    """Find the folder an announcement names; `root`/NAME/VERSION when it is not mounted there.

    Raises:
        BundleError: the uri is no file's, or there is no such folder.
    """
    parts = urlsplit(entry.uri)
    if parts.scheme not in ("", "file") or parts.netloc not in ("", "localhost"):
        raise BundleError(f"uri {entry.uri}: expected file:///… or a path", "missing")
    path = Path(unquote(parts.path))
    candidates = [path] if root is None else [path, root / entry.name / entry.version]
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    raise BundleError(
        f"no bundle at {' or '.join(map(str, candidates))}: is the folder mounted?", "missing"
    )


def _flat(metrics: Mapping[str, object]) -> dict[str, float]:
    """Only finite numbers of the first level: JSON has no NaN."""
    return {
        name: float(value)
        for name, value in metrics.items()
        if isinstance(value, int | float) and abs(value) < float("inf")
    }
