"""The whole of `segue chaos inputs`: send, wait until all is committed, and judge."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError, MessageSizeTooLargeError
from kafka.serializer import Serializer

from infra.broker import BrokerError
from infra.clients import make_client
from streams.scoring import load_scorer
from streams.settings import ScoringSettings

from .inputs import TOO_BIG, Plan, Sent, records, total
from .neighbours import Neighbours
from .subject import PARTITIONS, Progress, Subject, staged, stand_in_bundle

TRACKS = 500
PRODUCER_ROOM = 1 << 20  # bytes; kafka-python's default, as Java's
ROOM = 2 * TOO_BIG  # bytes that the producer and the topic are made to take


def run(
    plan: Plan, seed: int, bundle: Path | None, bootstrap: str | None, progress: Progress
) -> dict[str, Any]:
    """Send a plan's records to a worker; `kept` says whether it kept every promise.

    Raises:
        BrokerError: no broker, or the worker does not become ready.
        BundleError: the bundle is not sound.
    """
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="segue-chaos-") as name:
        folder = Path(name)
        if bundle is None:
            progress("make a bundle", 0, 0)
            bundle = stand_in_bundle(folder, TRACKS)
        scorer = load_scorer(bundle, ScoringSettings(provider="cpu"))
        tracks = list(scorer.bundle.catalog.track_ids)
        prefix = f"chaos-inputs-{int(time.time())}."
        with staged(bundle, prefix, folder, bootstrap) as stage:
            refused = _refused_on_the_way(stage)
            stage.configure_events({"max.message.bytes": str(ROOM)})
            memory = {"before": stage.memory_mib()}
            neighbours = Neighbours(scorer, stage.settings.session.limits)
            sent = _send(stage, plan, seed, tracks, neighbours, progress)
            stuck = stage.await_commits(progress)
            memory["after"] = stage.memory_mib()
            progress("audit", 0, 0)
            found = stage.audited()
            unequal = neighbours.unequal(stage.bootstrap, stage.topics.recommendations)
            result = {
                **found.record(),
                "plan": plan._asdict(),
                "sent": dict(sorted(sent.items())),
                "reasons": stage.counted("segue_dead_letters_total", "reason"),
                "too_large_for": refused,
                "wrong_partition": {
                    "sent": sent["misplaced"],
                    "counted": sum(stage.counted("segue_wrong_partition_total").values()),
                    "warnings": stage.worker.said().count("murmur2 puts this session elsewhere"),
                },
                "neighbours": {"events": neighbours.count, "unequal": unequal[:10]},
                "stuck": stuck,
                "crashed": stage.crashed,
                "starts": stage.worker.said().count(" ready: "),
                "memory_mib": memory,
                "seconds": round(time.monotonic() - began, 1),
                "seed": seed,
            }
            if stuck or stage.crashed:
                result["worker_said"] = stage.worker.tail(40)
    result["kept"] = kept(result) and found.kept
    return result


def kept(result: dict[str, Any]) -> bool:
    """Whether nothing was lost, stuck, restarted or changed for a neighbour."""
    partitioner = result["wrong_partition"]
    return bool(
        not result["missing"]
        and not result["conflicting"]
        and not result["wrong_reasons"]
        and result["state_equal"]
        and not result["stuck"]
        and not result["crashed"]
        and result["starts"] == 1
        and not result["neighbours"]["unequal"]
        and partitioner["counted"] >= partitioner["sent"]
        and partitioner["warnings"] == 1
    )


def _refused_on_the_way(stage: Subject) -> dict[str, str]:
    """What a producer and a broker as they come say to 10 MB."""
    said = {}
    for who, room in (("producer", PRODUCER_ROOM), ("broker", ROOM)):
        producer = make_client(KafkaProducer, stage.bootstrap, max_request_size=room)
        try:
            producer.send(stage.topics.events, key=b"big", value=b"x" * TOO_BIG).get(30)
        except MessageSizeTooLargeError as err:
            said[who] = type(err).__name__
        else:
            said[who] = "taken"
        finally:
            producer.close(timeout=2)
    return said


def _send(
    stage: Subject,
    plan: Plan,
    seed: int,
    tracks: list[str],
    neighbours: Neighbours,
    progress: Progress,
) -> Counter[str]:
    """Send all; give how many of each kind the broker acknowledged."""
    producer = make_client(
        KafkaProducer,
        stage.bootstrap,
        acks="all",
        linger_ms=20,
        batch_size=128 * 1024,
        max_request_size=ROOM,
        # kafka-python sends no record without key and value, but a serializer may give none.
        value_serializer=_ValueOf(),
    )
    sent: Counter[str] = Counter()
    failed: list[BaseException] = []
    expected = total(plan, PARTITIONS)
    try:
        for number, record in enumerate(
            records(plan, seed, time.time() * 1000, tracks, PARTITIONS)
        ):
            if number % 1000 == 0:
                progress("send", number, expected)
                stage.require_alive()
            future = producer.send(
                stage.topics.events,
                key=record.key,
                value=record,
                headers=list(record.headers),
                partition=record.partition,
            )
            future.add_errback(failed.append)
            if record.kind == "neighbour":
                neighbours.sent(future, record.value)
            sent[record.kind] += 1
        producer.flush(120)
    except KafkaError as err:
        raise BrokerError(f"{stage.bootstrap} did not take an event: {err}") from err
    finally:
        producer.close(timeout=5)
    if failed:
        raise BrokerError(f"{stage.bootstrap} did not take {len(failed)} events: {failed[0]!r}")
    return sent


class _ValueOf(Serializer):  # type: ignore[misc]
    def serialize(self, topic: str, headers: object, data: Sent) -> bytes | None:
        return data.value
