"""The whole audit of a cluster that may be running: what is read, in which order, up to where.

Events newer than the audit's start are not counted, and the rest is given time to be answered. The
changelog is read when the answers are there, so it holds their states; the oracle then follows each
session as far as its record goes. Nothing is kept of a record but what the audit, the states and
the oracle keep.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from infra.broker import BrokerError
from infra.reader import read_between
from infra.topics import DAY, Topics

from .audit import Audit
from .decoding import event_or_none
from .events import FORGET, PlaybackEvent
from .findings import FEW, Findings
from .oracle import Oracle
from .recommendations import rfc3339
from .session import Arrival, Limits
from .states import States

SKEW_MS = 60_000
"""How far the clocks of brokers and workers may differ: lists are dated by the workers."""
GRACE_SECONDS = 2.0
"""What is in flight is answered by then; before more is waited for, older lists are read."""

Offsets = dict[TopicPartition, int]
Progress = Callable[[str, int, int], None]


class Inspection:
    """One audit; `run` it once."""

    def __init__(
        self,
        consumer: KafkaConsumer,
        topics: Topics,
        changelog: str,
        limits: Limits,
        progress: Progress = lambda step, done, total: None,
    ) -> None:
        """Prepare.

        Args:
            consumer: a consumer without a group (`infra.reader.reading` makes one).
            topics: the topics to audit.
            changelog: the topic in which the workers keep their sessions.
            limits: the workers' settings of when sessions end.
            progress: told of each step, with records read and to be read.

        Raises:
            BrokerError: a topic is missing (the changelog may be).
        """
        self._consumer, self._progress = consumer, progress
        self._topics, self._limits = topics, limits
        self._events = self._partitions(topics.events)
        self._answers = self._partitions(topics.recommendations) + self._partitions(topics.dlq)
        self._changelog = self._partitions(changelog, needed=False)
        self._changelog_name = changelog
        self._audit, self._states = Audit(), States()
        self._notes: list[str] = []

    def run(self, since_ms: int | None = None, wait_seconds: float = 30.0) -> Findings:
        """Audit every event that is acknowledged by now.

        Args:
            since_ms: count only events appended since then, milliseconds since 1970.
            wait_seconds: how long events may take to be answered, from when all was read.

        Raises:
            BrokerError: the broker stopped answering.
        """
        consumer = self._consumer
        ends: Offsets = consumer.end_offsets(self._events)
        since_ms = self._since(since_ms)
        begins = self._begins(self._events, since_ms)
        whole = {p.partition for p, offset in begins.items() if offset == 0}
        oracle = Oracle(self._limits, whole)
        first = self._begins(self._answers, since_ms and since_ms - SKEW_MS)
        read = self._read_answers("read lists and dead letters", first)
        for record in self._records("read events", begins, ends):
            event = self._audit.event(
                record.partition, record.offset, record.value, record.timestamp
            )
            oracle.take(event, _at(record))
        self._settle(first, read, wait_seconds)
        self._read_states()
        self._read_tail(oracle, ends)
        self._progress("compare sessions", 0, 0)
        comparison = oracle.compare(
            self._states, {p.partition: begins[p] for p in begins}, self._audit.unsettled()
        )
        return Findings(
            tally=self._audit.tally(),
            comparison=comparison,
            since=None if since_ms is None else rfc3339(since_ms),
            notes=self._notes,
            faults=self._audit.faults(FEW) + comparison.unequal[:FEW],
        )

    def _since(self, asked_ms: int | None) -> int | None:
        """From when on events can be counted: lists are kept for a day, events for a week."""
        partitions = [p for p in self._answers if p.topic == self._topics.recommendations]
        firsts = self._consumer.beginning_offsets(partitions)
        ends = self._consumer.end_offsets(partitions)
        kept_since = [self._dated(p, offset, ends[p]) for p, offset in firsts.items() if offset > 0]
        if not kept_since:
            return asked_ms
        # A partition's lists go segment by segment: all of them are there from the latest on.
        earliest = max(kept_since) + SKEW_MS
        if asked_ms is not None and asked_ms >= earliest:
            return asked_ms
        self._notes.append(
            f"lists are kept since {rfc3339(earliest)} and no longer: events appended before that "
            "cannot be counted, and are not"
        )
        return earliest

    def _dated(self, partition: TopicPartition, start: int, end: int) -> int:
        """When the first record of a partition was made; where there is none, a day ago."""
        for record in read_between(self._consumer, {partition: start}, {partition: end}):
            return int(record.timestamp)
        return int(time.time() * 1000) - DAY

    def _begins(self, partitions: list[TopicPartition], since_ms: int | None) -> Offsets:
        """Where to begin to read; at the end of a partition that has nothing since then."""
        first: Offsets = self._consumer.beginning_offsets(partitions)
        if since_ms is None or not partitions:
            return first
        found = self._consumer.offsets_for_times(dict.fromkeys(partitions, max(0, since_ms)))
        ends = self._consumer.end_offsets(partitions)
        return {p: found[p].offset if found.get(p) else ends[p] for p in partitions}

    def _read_answers(self, step: str, starts: Offsets) -> Offsets:
        """Read lists and dead letters to what is their end by now, and give that."""
        ends: Offsets = self._consumer.end_offsets(self._answers)
        self._take_answers(step, starts, ends)
        return ends

    def _take_answers(self, step: str, starts: Offsets, ends: Offsets) -> None:
        for record in self._records(step, starts, ends):
            if record.topic == self._topics.dlq:
                self._audit.dead_letter(record.headers)
            else:
                self._audit.recommendation(record.value)

    def _settle(self, first: Offsets, read: Offsets, wait_seconds: float) -> None:
        """Wait until nothing is missing; read the lists before `first` if that may help."""
        read = self._await_answers(read, min(GRACE_SECONDS, wait_seconds))
        if not self._audit.tally().missing:
            return
        # What a player sent twice was answered once, and that may have been long before.
        older: Offsets = self._consumer.beginning_offsets(self._answers)
        self._take_answers("read older lists", older, first)
        self._await_answers(read, max(0.0, wait_seconds - GRACE_SECONDS))

    def _await_answers(self, read: Offsets, seconds: float) -> Offsets:
        deadline = time.monotonic() + seconds
        while missing := len(self._audit.tally().missing):
            if time.monotonic() > deadline:
                break
            self._progress(f"wait for the answers of {missing} events", 0, 0)
            time.sleep(0.1)
            read = self._read_answers("", read)
        return read

    def _read_states(self) -> None:
        if not self._changelog:
            self._notes.append(
                f"there is no topic {self._changelog_name}, so there are no sessions to compare: "
                "have the workers another --group?"
            )
            return
        starts = self._consumer.beginning_offsets(self._changelog)
        ends = self._consumer.end_offsets(self._changelog)
        for record in self._records("read the sessions' changelog", starts, ends):
            self._states.record(record.partition, record.key, record.value)

    def _read_tail(self, oracle: Oracle, starts: Offsets) -> None:
        """Take events appended meanwhile: those which the sessions' records already hold.

        To the end, though: the sweep goes by the newest event's append time.
        """
        ends = self._consumer.end_offsets(self._events)
        for record in self._records("read newer events", starts, ends):
            event, at = event_or_none(record.value, record.timestamp), _at(record)
            oracle.take(event if event is not None and self._known(event, at) else None, at)

    def _known(self, event: PlaybackEvent, at: Arrival) -> bool:
        """Whether the changelog was read after this event was answered."""
        if self._states.reached(event.session_id, at):
            return True
        return event.event == FORGET and self._states.get(event.session_id) is None

    def _records(self, step: str, starts: Mapping[Any, int], ends: Mapping[Any, int]) -> Any:  # noqa: ANN401
        """The records between offsets, while progress is told."""
        total = sum(max(0, ends[p] - starts[p]) for p in starts)
        for done, record in enumerate(read_between(self._consumer, starts, ends)):
            if step and done % 1000 == 0:
                self._progress(step, done, total)
            yield record

    def _partitions(self, topic: str, *, needed: bool = True) -> list[TopicPartition]:
        numbers = sorted(self._consumer.partitions_for_topic(topic) or ())
        if needed and not numbers:
            raise BrokerError(f"topic {topic} does not exist: make it with `segue topics create`")
        return [TopicPartition(topic, number) for number in numbers]


def _at(record: Any) -> Arrival:  # noqa: ANN401 - kafka-python has no types
    return Arrival(record.partition, record.offset, record.timestamp)
