"""The answering loop over memory: a store, an output that records, and a model that reads a script.

No Kafka is imitated here. What a broker adds (order, acknowledgement, loss) is tested on one.
"""

import asyncio
import math
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import msgspec
from prometheus_client import CollectorRegistry

from infra.topics import Topics
from streams.answering import Answering
from streams.bundle import Bundle
from streams.catalog import Catalog
from streams.decoding import EventError, decode_event
from streams.delivery import Delivery
from streams.events import PlaybackEvent
from streams.metrics import WorkerMetrics
from streams.ranking import History, Ranking
from streams.records import Record
from streams.session import Arrival, Limits, Session, pack, unpack
from streams.slot import ModelSlot

TOPICS = Topics.named()
ANSWER_MS = 5
"""How long after the newest append an answer is sent."""

Happened = tuple[str, Any]
EXECUTOR = ThreadPoolExecutor(1)


@dataclass(eq=False)
class FakeClaim:
    """A claim that writes down when its offset is done; it dies when told to."""

    happened: list[Happened]
    offset: int
    live: bool = True

    def done(self) -> None:
        self.happened.append(("done", self.offset))


@dataclass
class ScriptedScorer:
    """Ranks by `model`, or gives the rankings it was told, one for each history."""

    bundle: Bundle
    rankings: list[Ranking] = field(default_factory=list)
    model: Callable[[History], Ranking] | None = None
    asked: list[tuple[tuple[str, int], ...]] = field(default_factory=list)
    version: str = "v1"
    name: str = "scripted"
    provider: str = "cpu"
    row_seconds: float = math.inf
    threads: set[str] = field(default_factory=set)

    def rank(self, histories: Sequence[History]) -> list[Ranking]:
        self.threads.add(threading.current_thread().name)
        self.asked += [tuple(history) for history in histories]
        if self.model is not None:
            return [self.model(history) for history in histories]
        return [self.rankings.pop(0) for _ in histories]

    def warm(self) -> None:
        """Nothing is cold here."""


class MemoryWorker:
    """Answers deliveries and keeps, in order, everything that happened."""

    def __init__(
        self, catalog: Catalog | None = None, limits: Limits | None = None, *, model: bool = True
    ) -> None:
        catalog = catalog or Catalog(track_ids=("a", "b", "c"), counts=(3, 2, 1))
        # Nothing that answers events reads more of a bundle than its catalog.
        bundle = Bundle(Path("scripted"), cast(Any, None), "", catalog)
        self.scorer = ScriptedScorer(bundle)
        self.slot = ModelSlot(self.scorer if model else None)
        self.happened: list[Happened] = []
        self.stored: dict[str, bytes] = {}
        self.failures: list[str] = []
        """What fails next, once each: `state`, or the name of a topic."""
        self.before: Callable[[str], None] = lambda what: None
        """Called before anything is written, with what it is."""
        self.registry = CollectorRegistry()
        self.newest_ms = 0
        self.answering = Answering(
            topics=TOPICS,
            slot=self.slot,
            store=self,
            output=self._output,
            metrics=WorkerMetrics(self.registry),
            limits=limits or Limits(),
            executor=EXECUTOR,
            wall_ms=lambda: self.newest_ms + ANSWER_MS,
            monotonic=lambda: 0.0,
        )

    def load(self, session_id: str) -> Session | None:
        raw = self.stored.get(session_id)
        return None if raw is None else unpack(raw)

    async def save(self, session_id: str, session: Session) -> None:
        await self._write("state")
        self.stored[session_id] = pack(session)
        self.happened.append(("state", session.event_ids[-1]))

    async def _output(self, record: Record) -> None:
        await self._write(record.topic)
        self.happened.append((record.topic, record))

    async def _write(self, what: str) -> None:
        self.before(what)
        await asyncio.sleep(0)
        if what in self.failures:
            self.failures.remove(what)
            raise ConnectionError(f"{what} is not taken")

    def delivery(
        self, event: PlaybackEvent | EventError | bytes | None, at: Arrival, key: bytes = b"s"
    ) -> Delivery:
        """A delivery of an event, or of bytes, which are decoded as the intake does."""
        value = None
        if not isinstance(event, PlaybackEvent | EventError):
            value = event
            try:
                event = decode_event(value, at.appended_ms)
            except EventError as err:
                event = err
        self.newest_ms = max(self.newest_ms, at.appended_ms)
        return Delivery(FakeClaim(self.happened, at.offset), at, key, value, event, 0.0)

    def answer(self, *batch: Delivery) -> None:
        """Answer one batch, to its end."""
        asyncio.run(asyncio.wait_for(self.answering.answer(batch), 60))

    def kinds(self) -> list[str]:
        """What happened, in order."""
        return [kind for kind, _ in self.happened]

    def records(self, topic: str) -> list[Record]:
        """What was written to a topic, in order."""
        return [what for kind, what in self.happened if kind == topic]

    def told(self, topic: str, type_: Any) -> list[Any]:
        """The same, decoded."""
        return [
            msgspec.json.decode(record.value or b"", type=type_) for record in self.records(topic)
        ]

    def metric(self, name: str, **labels: str) -> float:
        """A counter's value; 0 where it was never touched."""
        return self.registry.get_sample_value(name, labels) or 0.0


def ranking(tracks: Iterable[str], fallback: str | None = None) -> Ranking:
    """A list with scores that fall from the first to the last."""
    return Ranking(tuple((track, 1 / place) for place, track in enumerate(tracks, 1)), fallback)
