"""A batch of events becomes states, recommendations, feedback and dead letters.

The promise lives in the order: states are written and acknowledged, then everything that goes out,
and only then is an offset done. Free of Faust: store, producer and clocks are handed in.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from infra.topics import Topics

from .dead_letters import dead_letter
from .decoding import EventError
from .events import UNKNOWN, PlaybackEvent, encode, recommendation_id
from .feedback import feedback, tally
from .metrics import WorkerMetrics
from .ranking import Ranking
from .recommendations import recommendation
from .records import Record
from .scoring import Scorer
from .session import Arrival, Limits, Occurrence, Offer, Seen, Session
from .swap import ModelSlot

logger = logging.getLogger(__name__)

RETRY_SECONDS = (0.05, 0.2, 1.0, 2.0)
"""Pauses before a send is tried again; the last repeats for as long as the broker is away."""

INLINE_SECONDS = 0.005
"""Scoring that takes no longer than this is done on the event loop: the way to the scoring thread
and back was measured to double the stage under load, 2.6 ms on average against 1.3."""


class Claim(Protocol):
    """An offset that is ours to answer, while it is `live`."""

    @property
    def live(self) -> bool: ...  # noqa: D102

    def done(self) -> None: ...  # noqa: D102


class Store(Protocol):
    """Where sessions are kept; `save` returns when the broker has acknowledged the record."""

    def load(self, session_id: str) -> Session | None: ...  # noqa: D102

    async def save(self, session_id: str, session: Session) -> None: ...  # noqa: D102


@dataclass(slots=True, frozen=True)
class Delivery:
    """One record of the events topic, decoded or found wanting."""

    claim: Claim
    at: Arrival
    key: bytes | None
    value: bytes | None
    decoded: PlaybackEvent | EventError
    taken_at: float
    replays: int = 0  # how often the event was sent again from a dead letter

    @property
    def group(self) -> str | None:
        """The session, of which a batch holds one event; None for what will be a dead letter."""
        return None if isinstance(self.decoded, EventError) else self.decoded.session_id


@dataclass(slots=True)
class _Answer:
    """An event on its way through one batch; not `fresh` when it was answered before."""

    claim: Claim
    at: Arrival
    event: PlaybackEvent
    event_id: str
    session: Session
    fresh: bool


class _Send(NamedTuple):
    claim: Claim
    attempt: Callable[[], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Answering:
    """Answers batches, one after the other; `output` returns when its record is acknowledged."""

    topics: Topics
    slot: ModelSlot
    store: Store
    output: Callable[[Record], Awaitable[None]]
    metrics: WorkerMetrics
    limits: Limits
    executor: Executor
    wall_ms: Callable[[], float]
    monotonic: Callable[[], float]

    async def answer(self, batch: Sequence[Delivery]) -> None:
        """Answer every live delivery of a batch, of which at most one belongs to a session.

        What belongs to a partition that is taken away meanwhile is left: its next holder answers.
        """
        live = [delivery for delivery in batch if delivery.claim.live]
        if not live:
            return
        stage = self.metrics.stage
        self.metrics.batch_size.observe(len(live))
        for delivery in live:
            stage.labels("wait").observe(self.monotonic() - delivery.taken_at)
        answers = [answer for delivery in live if (answer := self._begin(delivery)) is not None]
        fresh = [answer for answer in answers if answer.fresh]
        scorer = self.slot.current
        with stage.labels("score").time():
            await self._score([one for one in fresh if not one.session.forgotten], scorer)
        with stage.labels("state").time():
            await self._deliver([self._save(answer) for answer in fresh])
        with stage.labels("produce").time():
            await self._deliver(
                [
                    *(send for delivery in live for send in self._refuse(delivery)),
                    *(send for answer in answers for send in self._tell(answer)),
                ]
            )
        done = [delivery for delivery in live if delivery.claim.live]
        for delivery in done:
            delivery.claim.done()
        # What was taken away is told, and counted, by its next holder.
        fresh = [answer for answer in fresh if answer.claim.live]
        self._count(done, fresh)
        if scorer is not None:
            self._judge([closed for answer in fresh for closed in answer.session.closed], scorer)

    def _begin(self, delivery: Delivery) -> _Answer | None:
        """Advance the session, or find the answer given before; None when nothing is left to do."""
        event = delivery.decoded
        if isinstance(event, EventError):
            return None
        event_id = event.id
        session = self.store.load(event.session_id)
        if session is None or session.expired(delivery.at.appended_ms, self.limits):
            session = Session()
        seen = session.seen(event_id, delivery.at)
        if seen is Seen.OLDER:
            return None
        if seen is Seen.NEW:
            session = session.advance(event, event_id, delivery.at, self.limits)
            if session.forgotten:
                id_ = recommendation_id(event.session_id, event_id)
                session = session.offering(Offer(id_, "none", "forgotten", ()))
        return _Answer(
            delivery.claim, delivery.at, event, event_id, session, fresh=seen is Seen.NEW
        )

    async def _score(self, answers: list[_Answer], scorer: Scorer | None) -> None:
        if not answers:
            return
        rankings = [Ranking((), "no_model")] * len(answers)
        if scorer is not None:
            # An event that begins no occurrence (`other`) still tells where the listener is.
            histories = [
                answer.session.history or ((answer.event.track_id, UNKNOWN),) for answer in answers
            ]
            if len(histories) * scorer.row_seconds <= INLINE_SECONDS:
                rankings = scorer.rank(histories)
            else:
                loop = asyncio.get_running_loop()
                rankings = await loop.run_in_executor(self.executor, scorer.rank, histories)
        version = "none" if scorer is None else scorer.version
        for answer, ranking in zip(answers, rankings, strict=True):
            id_ = recommendation_id(answer.event.session_id, answer.event_id)
            offer = Offer(id_, version, ranking.fallback, ranking.items)
            answer.session = answer.session.offering(offer)

    def _save(self, answer: _Answer) -> _Send:
        return _Send(answer.claim, lambda: self.store.save(answer.event.session_id, answer.session))

    def _refuse(self, delivery: Delivery) -> Iterator[_Send]:
        error = delivery.decoded
        if isinstance(error, EventError):
            letter = dead_letter(
                delivery.key,
                delivery.value,
                error,
                delivery.at,
                self.topics.events,
                self.topics.dlq,
                delivery.replays,
            )
            yield _Send(delivery.claim, lambda: self.output(letter))

    def _tell(self, answer: _Answer) -> Iterator[_Send]:
        session_id, key = answer.event.session_id, answer.event.session_id.encode()
        listed = recommendation(
            answer.event, answer.event_id, answer.session, answer.at, self.wall_ms()
        )
        records = [Record(self.topics.recommendations, key, encode(listed))]
        records += [
            Record(self.topics.feedback, key, encode(feedback(session_id, closed)))
            for closed in answer.session.closed
        ]
        for record in records:
            yield _Send(answer.claim, lambda record=record: self.output(record))  # type: ignore[misc]

    async def _deliver(self, sends: list[_Send]) -> None:
        """Send, and send again what the broker did not take, until it has all that is ours."""
        tries = 0
        while sends := [send for send in sends if send.claim.live]:
            attempts = (send.attempt() for send in sends)
            results = await asyncio.gather(*attempts, return_exceptions=True)
            failed = [pair for pair in zip(sends, results, strict=True) if pair[1] is not None]
            if not failed:
                return
            if tries == 0:
                said = "the broker did not take %d records, trying again: %r"
                logger.warning(said, len(failed), failed[0][1])
            self.metrics.retries.inc(len(failed))
            await asyncio.sleep(RETRY_SECONDS[min(tries, len(RETRY_SECONDS) - 1)])
            tries += 1
            sends = [send for send, _ in failed]

    def _count(self, done: list[Delivery], fresh: list[_Answer]) -> None:
        now = self.wall_ms()
        errors = [d.decoded for d in done if isinstance(d.decoded, EventError)]
        for error in errors:
            self.metrics.dead_letters.labels(error.reason).inc()
        self.metrics.events.labels("dead_lettered").inc(len(errors))
        self.metrics.events.labels("answered").inc(len(fresh))
        self.metrics.events.labels("repeated").inc(max(0, len(done) - len(errors) - len(fresh)))
        for answer in fresh:
            offer = answer.session.offer
            self.metrics.recommendations.labels((offer and offer.fallback) or "none").inc()
            self.metrics.end_to_end.observe(max(0.0, now - answer.at.appended_ms) / 1000)

    def _judge(self, occurrences: list[Occurrence], scorer: Scorer) -> None:
        """Count hits of the lists that were current, and of the popularity list beside them."""
        for occurrence in occurrences:
            counted = tally(occurrence, scorer.bundle.catalog)
            if counted is not None:
                labels = (occurrence.model_version or "none", counted.outcome)
                self.metrics.occurrences.labels(*labels).inc()
                self.metrics.hits.labels(*labels).inc(counted.hit)
                self.metrics.popularity_hits.labels(*labels).inc(counted.popularity_hit)
