"""The dead-letter topic, read: what was refused and why, and the same bytes sent once more.

dead_letters.py says how a letter is made. Reading joins no group and commits nothing.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from infra.broker import BrokerError
from infra.clients import make_client
from infra.connection import Address
from infra.reader import read_between

from .dead_letters import CAP, REPLAYS
from .decoding import EventError, decode_event

IN_FLIGHT = 500


class Letter(NamedTuple):
    """One dead letter; `source` is topic, partition and offset of the event it was."""

    partition: int
    offset: int
    appended_ms: int
    key: bytes | None
    value: bytes | None
    reason: str
    detail: str
    source: tuple[str, int, int] | None
    size: int  # bytes of the value as the player sent it
    replays: int  # how often it had been replayed when it was refused

    @property
    def place(self) -> tuple[int, int]:
        """Where it lies on the dead-letter topic."""
        return self.partition, self.offset

    @property
    def whole(self) -> bool:
        """Whether the letter holds all that the player sent."""
        return self.value is not None and self.size == len(self.value) and self._key_whole

    @property
    def _key_whole(self) -> bool:
        return self.key is None or len(self.key) < CAP  # a longer one was cut to CAP

    def error_at(self, now_ms: int) -> str | None:
        """The reason it would be refused for if it were appended at `now_ms`; None for none."""
        try:
            decode_event(self.value, now_ms)
        except EventError as err:
            return err.reason
        return None


def read_letter(record: Any) -> Letter:  # noqa: ANN401 - kafka-python has no types
    """Read a record of the topic; what its headers do not say is `unknown`, or nothing."""
    said = dict(record.headers)

    def text(name: str, default: str) -> str:
        return bytes(said.get(name) or default.encode()).decode(errors="replace")

    def number(name: str, default: int) -> int:
        digits = text(name, "")
        return int(digits) if digits.isdecimal() else default

    source = None
    if {"segue.source.topic", "segue.source.partition", "segue.source.offset"} <= said.keys():
        where = number("segue.source.partition", -1), number("segue.source.offset", -1)
        source = (text("segue.source.topic", ""), *where)
    return Letter(
        record.partition, record.offset, record.timestamp, record.key, record.value,
        text("segue.reason", "unknown"), text("segue.detail", ""), source,
        number("segue.value.bytes", len(record.value or b"")), number(REPLAYS, 0),
    )  # fmt: skip


@dataclass(frozen=True)
class Choice:
    """Which letters are meant; everything that is empty chooses all."""

    reasons: frozenset[str] = frozenset()
    since_ms: int | None = None
    places: frozenset[tuple[int, int]] = frozenset()

    def meets(self, letter: Letter) -> bool:
        """Whether the letter is meant (`since_ms` was seen to when it was read)."""
        by_reason = not self.reasons or letter.reason in self.reasons
        return by_reason and (not self.places or letter.place in self.places)


class Letters:
    """The letters that a choice means, as far as the topic goes when this is made.

    Raises:
        BrokerError: there is no such topic.
    """

    def __init__(self, consumer: KafkaConsumer, topic: str, choice: Choice) -> None:
        numbers = sorted(consumer.partitions_for_topic(topic) or ())
        if not numbers:
            raise BrokerError(f"topic {topic} does not exist: make it with `segue topics create`")
        partitions = [TopicPartition(topic, number) for number in numbers]
        self._consumer, self._choice = consumer, choice
        self._ends: Mapping[TopicPartition, int] = consumer.end_offsets(partitions)
        self._starts: Mapping[TopicPartition, int] = consumer.beginning_offsets(partitions)
        if choice.since_ms is not None:
            found = consumer.offsets_for_times(dict.fromkeys(partitions, choice.since_ms))
            self._starts = {
                p: found[p].offset if found.get(p) else self._ends[p] for p in partitions
            }

    def __iter__(self) -> Iterator[Letter]:
        """Read them, partition by partition in order; each time from the topic."""
        for record in read_between(self._consumer, self._starts, self._ends):
            letter = read_letter(record)
            if self._choice.meets(letter):
                yield letter


@dataclass
class Replay:
    """What a replay comes to: each letter is counted once."""

    sent: int = 0
    twins: int = 0  # the same key and value as one that was sent
    lost: list[Letter] = field(default_factory=list)  # do not hold all that the player sent
    again: Counter[str] = field(default_factory=Counter)  # of those sent: refused again, and why

    def sendable(self, letters: Iterable[Letter], now_ms: int) -> Iterator[Letter]:
        """Give the letters that can be sent, and count all of them."""
        seen: set[bytes] = set()
        for letter in letters:
            if not letter.whole:
                self.lost.append(letter)
                continue
            digest = hashlib.sha256(repr((letter.key, letter.value)).encode()).digest()
            if digest in seen:
                self.twins += 1
                continue
            seen.add(digest)
            self.sent += 1
            if (reason := letter.error_at(now_ms)) is not None:
                self.again[reason] += 1
            yield letter


def send(
    bootstrap: Address, topic: str, letters: Iterable[Letter], progress: Callable[[int], None]
) -> None:
    """Send the original bytes under their original keys, marked as replayed once more.

    Raises:
        BrokerError: the broker did not take one; those before it are sent.
    """
    producer = None
    try:
        producer = make_client(
            KafkaProducer,
            bootstrap,
            acks="all",
            allow_auto_create_topics=False, enable_idempotence=True, max_request_size=4 * CAP,
        )  # fmt: skip
        waiting: list[Any] = []
        for done, letter in enumerate(letters, 1):
            headers = [(REPLAYS, str(letter.replays + 1).encode())]
            waiting.append(producer.send(topic, letter.value, letter.key, headers))
            if len(waiting) >= IN_FLIGHT:
                _await(waiting)
                progress(done)
        _await(waiting)
    except KafkaError as err:
        raise BrokerError(f"sending to {topic} at {bootstrap} failed: {err}") from err
    finally:
        if producer is not None:
            producer.close(timeout=10)


def _await(waiting: list[Any]) -> None:
    for future in waiting:
        future.get(timeout=30)
    waiting.clear()


def parse_places(texts: Collection[str]) -> frozenset[tuple[int, int]]:
    """PARTITION:OFFSET of letters, as `show` prints them.

    Raises:
        ValueError: one is not that.
    """
    found = set()
    for text in texts:
        partition, colon, offset = text.partition(":")
        if not (colon and partition.isdecimal() and offset.isdecimal()):
            raise ValueError(f"{text!r}: expected PARTITION:OFFSET, as `segue dlq show` prints it")
        found.add((int(partition), int(offset)))
    return frozenset(found)
