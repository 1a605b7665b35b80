"""A batch of events becomes states, recommendations, feedback and dead letters.

The promise lives in the order: states are written and acknowledged, then everything that goes out,
and only then is an offset done. Free of Faust: store, producer and clocks are handed in.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Protocol

from infra.topics import Topics

from .dead_letters import dead_letter
from .decoding import EventError
from .delivery import Delivery, RefusedError, Send, deliver
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

INLINE_SECONDS = 0.005
"""Scoring that takes no longer than this is done on the event loop: the way to the scoring thread
and back was measured to double the stage under load, 2.6 ms on average against 1.3."""


class Store(Protocol):
    """Where sessions are kept; `save` returns when the broker has acknowledged the record."""

    def load(self, session_id: str) -> Session | None: ...  # noqa: D102

    async def save(self, session_id: str, session: Session) -> None: ...  # noqa: D102


@dataclass(slots=True)
class _Answer:
    """An event on its way through one batch; not `fresh` when it was answered before."""

    delivery: Delivery
    event: PlaybackEvent
    event_id: str
    session: Session
    fresh: bool


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
            refused = await deliver([self._save(answer) for answer in fresh], self.metrics)
        live, answers = _put_aside(refused, live, answers)
        with stage.labels("produce").time():
            letters = [self._refuse(one) for one in live if isinstance(one.decoded, EventError)]
            told = [send for answer in answers for send in self._tell(answer)]
            refused = await deliver([*letters, *told], self.metrics)
            live, answers = _put_aside(refused, live, answers)
            late = [self._refuse(delivery) for delivery in live if delivery.at in refused]
            await deliver(late, self.metrics)
        done = [delivery for delivery in live if delivery.claim.live]
        for delivery in done:
            delivery.claim.done()
        # What was taken away is told, and counted, by its next holder.
        fresh = [answer for answer in answers if answer.fresh and answer.delivery.claim.live]
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
        return _Answer(delivery, event, event_id, session, fresh=seen is Seen.NEW)

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

    def _save(self, answer: _Answer) -> Send:
        session_id, session = answer.event.session_id, answer.session
        return Send(answer.delivery, lambda: self.store.save(session_id, session))

    def _refuse(self, delivery: Delivery) -> Send:
        """The dead letter; one that is refused goes without the event's bytes, and never up."""

        async def attempt() -> None:
            try:
                await self.output(self._letter(delivery, delivery.key, delivery.value))
            except RefusedError:
                await self.output(self._letter(delivery, None, None))

        return Send(delivery, attempt, last=True)

    def _letter(self, delivery: Delivery, key: bytes | None, value: bytes | None) -> Record:
        assert isinstance(delivery.decoded, EventError)
        events, dlq = self.topics.events, self.topics.dlq
        return dead_letter(key, value, delivery.decoded, delivery.at, events, dlq, delivery.replays)

    def _tell(self, answer: _Answer) -> Iterator[Send]:
        session_id, key = answer.event.session_id, answer.event.session_id.encode()
        listed = recommendation(
            answer.event, answer.event_id, answer.session, answer.delivery.at, self.wall_ms()
        )
        records = [Record(self.topics.recommendations, key, encode(listed))]
        records += [
            Record(self.topics.feedback, key, encode(feedback(session_id, closed)))
            for closed in answer.session.closed
        ]
        for record in records:
            yield Send(answer.delivery, lambda record=record: self.output(record))  # type: ignore[misc]

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
            self.metrics.end_to_end.observe(max(0.0, now - answer.delivery.at.appended_ms) / 1000)

    def _judge(self, occurrences: list[Occurrence], scorer: Scorer) -> None:
        """Count hits of the lists that were current, and of the popularity list beside them."""
        for occurrence in occurrences:
            counted = tally(occurrence, scorer.bundle.catalog)
            if counted is not None:
                labels = (occurrence.model_version or "none", counted.outcome)
                self.metrics.occurrences.labels(*labels).inc()
                self.metrics.hits.labels(*labels).inc(counted.hit)
                self.metrics.popularity_hits.labels(*labels).inc(counted.popularity_hit)


def _put_aside(
    refused: Mapping[Arrival, str], live: Sequence[Delivery], answers: Sequence[_Answer]
) -> tuple[list[Delivery], list[_Answer]]:
    """Make dead letters of events that have a record which no broker takes; the others go on."""
    for at, why in refused.items():
        where = f"partition {at.partition} offset {at.offset}"
        logger.error("the event at %s cannot be answered; to the DLQ: %s", where, why)
    marked = [
        replace(one, decoded=EventError("internal", refused[one.at])) if one.at in refused else one
        for one in live
    ]
    return marked, [answer for answer in answers if answer.delivery.at not in refused]
