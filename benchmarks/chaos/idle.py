"""Sessions that send one event and fall silent: what they cost a worker, and that they go.

Time is data here, as it is for the worker: the events topic takes the producer's timestamps, so
that all fell silent three hours before the neighbours that come after them, and the sweep begins
at once.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError

from infra.broker import BrokerError
from infra.clients import make_client
from streams.scoring import load_scorer
from streams.settings import ScoringSettings

from .inputs import Sent, home, sound
from .neighbours import Neighbours
from .subject import PARTITIONS, Progress, Subject, staged, stand_in_bundle

TRACKS = 500
EARLIER_MS = 3 * 3_600_000
"""How long ago all fell silent; a record is kept for two hours."""
WARM = 2000  # events of neighbours before memory is first looked at
EACH = 4  # neighbours in each partition
_MOMENT = 0.25  # seconds between two looks
_STANDS_SECONDS = 90.0  # without a session less: it does not sweep


def run(
    count: int, seed: int, bundle: Path | None, bootstrap: str | None, progress: Progress
) -> dict[str, Any]:
    """Send `count` idle sessions, look at memory, and wait until they are swept.

    Raises:
        BrokerError: no broker, or the worker does not become ready.
        BundleError: the bundle is not sound.
    """
    began, rng = time.monotonic(), random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="segue-chaos-") as name:
        folder = Path(name)
        if bundle is None:
            progress("make a bundle", 0, 0)
            bundle = stand_in_bundle(folder, TRACKS)
        scorer = load_scorer(bundle, ScoringSettings(provider="cpu"))
        tracks = list(scorer.bundle.catalog.track_ids)
        with (
            staged(bundle, f"chaos-idle-{int(time.time())}.", folder, bootstrap) as stage,
            closing(_producer(stage)) as producer,
        ):
            stage.configure_events({"message.timestamp.type": "CreateTime"})
            neighbours = Neighbours(scorer, stage.settings.session.limits)
            sender = _Sender(producer, stage, neighbours)
            then = time.time() * 1000 - EARLIER_MS
            sender.send(_beside("before", WARM, tracks, rng, then), then)
            stuck = stage.await_commits(progress)
            figures = {"before": _figures(stage)}
            sender.send(_mixed(count, tracks, rng, then, progress), then)
            stuck += stage.await_commits(progress)
            time.sleep(2)  # the gauge is set once a second
            figures["idle"] = _figures(stage)
            swept_seconds = _swept(stage, sender, count, tracks, rng, progress)
            stuck += stage.await_commits(progress)
            figures["swept"] = _figures(stage)
            progress("audit", 0, 0)
            found = stage.audited()
            unequal = neighbours.unequal(stage.bootstrap, stage.topics.recommendations)
            result = {
                **found.record(),
                "idle": count,
                "figures": figures,
                "bytes_per_session": _bytes_per_session(figures, count),
                "swept_seconds": swept_seconds,
                "neighbours": {"events": neighbours.count, "unequal": unequal[:10]},
                "stuck": stuck,
                "crashed": stage.crashed,
                "starts": stage.worker.said().count(" ready: "),
                "seconds": round(time.monotonic() - began, 1),
                "seed": seed,
            }
            if stuck or stage.crashed:
                result["worker_said"] = stage.worker.tail(40)
    result["kept"] = kept(result) and found.kept
    return result


def kept(result: dict[str, Any]) -> bool:
    """Whether every session was held and then swept, and nobody was lost, stuck or changed."""
    held, left = (result["figures"][when]["sessions"] for when in ("idle", "swept"))
    return bool(
        held >= result["idle"]
        and left <= held - result["idle"]
        and not result["stuck"]
        and not result["crashed"]
        and result["starts"] == 1
        and not result["neighbours"]["unequal"]
    )


class _Sender:
    """Sends records with timestamps of our own, and tells the neighbours of theirs."""

    def __init__(self, producer: KafkaProducer, stage: Subject, neighbours: Neighbours) -> None:
        self._producer, self._stage, self._neighbours = producer, stage, neighbours
        self._failed: list[BaseException] = []

    def send(self, records: Iterable[Sent], at_ms: float) -> None:
        """Send all, and wait until the broker has them. Raises BrokerError."""
        topic = self._stage.topics.events
        try:
            for number, (kind, key, value, *_) in enumerate(records):
                if number % 1000 == 0:
                    self._stage.require_alive()
                future = self._producer.send(topic, key=key, value=value, timestamp_ms=int(at_ms))
                future.add_errback(self._failed.append)
                if kind == "neighbour":
                    self._neighbours.sent(future, value)
            self._producer.flush(120)
        except KafkaError as err:
            raise BrokerError(f"{self._stage.bootstrap} did not take an event: {err}") from err
        if self._failed:
            raise BrokerError(f"{self._stage.bootstrap} refused an event: {self._failed[0]!r}")


def _producer(stage: Subject) -> KafkaProducer:
    return make_client(
        KafkaProducer, stage.bootstrap, acks="all", linger_ms=20, batch_size=128 * 1024
    )


def _names(when: str) -> list[str]:
    """Names of neighbours, as many in each partition: its time goes on by their events alone."""
    found: dict[int, list[str]] = {partition: [] for partition in range(PARTITIONS)}
    number = 0
    while any(len(names) < EACH for names in found.values()):
        name = f"{when}-{number}"
        mine = found[home(name, PARTITIONS)]
        if len(mine) < EACH:
            mine.append(name)
        number += 1
    return [name for names in found.values() for name in names]


def _beside(
    when: str, count: int, tracks: list[str], rng: random.Random, at_ms: float, first: int = 0
) -> Iterator[Sent]:
    """Events of neighbours, one of each in turn."""
    names = _names(when)
    for number in range(first, first + count):
        name = names[number % len(names)]
        yield sound("neighbour", name, f"n{number}", rng.choice(tracks), at_ms)


def _mixed(
    count: int, tracks: list[str], rng: random.Random, at_ms: float, progress: Progress
) -> Iterator[Sent]:
    """Idle sessions, and an event of a neighbour between each thousand."""
    for number in range(count):
        if number % 1000 == 0:
            progress("send", number, count)
            yield from _beside("among", 1, tracks, rng, at_ms, first=number // 1000)
        yield sound("idle", f"idle-{number}", "e", rng.choice(tracks), at_ms)


def _swept(
    stage: Subject,
    sender: _Sender,
    count: int,
    tracks: list[str],
    rng: random.Random,
    progress: Progress,
) -> float | None:
    """Let neighbours play on until nobody else is there; give the seconds, None if it stands."""
    began = moved = time.monotonic()
    least, sent, names = _sessions(stage), 0, len(_names("after"))
    while least > names:
        at_ms = time.time() * 1000
        sender.send(_beside("after", names, tracks, rng, at_ms, sent), at_ms)
        sent += names
        time.sleep(_MOMENT)
        now = _sessions(stage)
        if now < least:
            least, moved = now, time.monotonic()
        progress("swept", max(0, count - least), count)
        if stage.crashed or time.monotonic() - moved > _STANDS_SECONDS:
            return None
    return round(time.monotonic() - began, 1)


def _sessions(stage: Subject) -> int:
    return int(stage.counted("segue_sessions").get("", 0))


def _figures(stage: Subject) -> dict[str, Any]:
    return {"sessions": _sessions(stage), "memory_mib": stage.memory_mib()}


def _bytes_per_session(figures: dict[str, dict[str, Any]], count: int) -> int | None:
    before, after = (figures[when]["memory_mib"] for when in ("before", "idle"))
    return None if before is None or after is None else round((after - before) * 2**20 / count)
