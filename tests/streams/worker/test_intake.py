import asyncio
from collections.abc import Callable, Sequence

import pytest
from aiokafka.errors import KafkaConnectionError
from prometheus_client import CollectorRegistry

from streams.batching import Batcher
from streams.decoding import EventError
from streams.delivery import Delivery
from streams.events import PlaybackEvent, encode
from streams.metrics import WorkerMetrics
from streams.recommendations import rfc3339
from streams.worker import intake
from streams.worker.commits import Ledger
from streams.worker.intake import Arrived, Intake
from tests.streams.event_strategies import BEGAN_MS


def record(offset: int, value: bytes | None = None, partition: int = 0) -> Arrived:
    event = PlaybackEvent(
        session_id="s1", track_id="a", event="play", occurred_at=rfc3339(BEGAN_MS)
    )
    return Arrived(partition, offset, BEGAN_MS + offset, b"k", value or encode(event))


class Inlet:
    """An intake whose topic holds what it is told, and the line it fills."""

    def __init__(self, topic: Sequence[Arrived] = (), partitions: int = 1) -> None:
        self.topic = list(topic)
        self.asked: list[tuple[int, int, int]] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self.ledger = Ledger()
        self.ledger.begin(0, 0)
        self.batcher: Batcher[Delivery] = Batcher(100, 0.0, capacity=100)
        self.registry = CollectorRegistry()
        self.intake = Intake(
            ledger=self.ledger,
            batcher=self.batcher,
            missing=self._missing,
            partitions=partitions,
            metrics=WorkerMetrics(self.registry),
            monotonic=lambda: 0.0,
        )

    async def _missing(self, partition: int, start: int, end: int) -> list[Arrived]:
        self.asked.append((partition, start, end))
        self.meanwhile()
        return [found for found in self.topic if start <= found.offset < end]

    def take(self, *records: Arrived) -> list[Delivery]:
        """Take the records one after the other; what is then in line."""

        async def scene() -> list[Delivery]:
            for arrived in records:
                await asyncio.wait_for(self.intake.take(arrived), 30)
            batches = []
            while len(self.batcher):
                batches.append(await self.batcher.take())
            return [delivery for batch in batches for delivery in batch]

        return asyncio.run(scene())

    def metric(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0


def offsets(line: list[Delivery]) -> list[int]:
    return [delivery.at.offset for delivery in line]


def test_an_event_is_decoded_claimed_and_put_in_line():
    inlet = Inlet()
    [delivery] = inlet.take(record(0))
    assert isinstance(delivery.decoded, PlaybackEvent)
    assert delivery.at == (0, 0, BEGAN_MS)
    assert (delivery.key, delivery.claim.live) == (b"k", True)
    assert inlet.ledger.committable(0) == 0
    delivery.claim.done()
    assert inlet.ledger.committable(0) == 1


def test_what_breaks_the_contract_is_put_in_line_as_well():
    [delivery] = Inlet().take(record(0, b"not an event"))
    assert isinstance(delivery.decoded, EventError)
    assert delivery.decoded.reason == "not_json"
    assert delivery.value == b"not an event"


def test_a_defect_of_the_decoder_becomes_a_dead_letter(monkeypatch):
    def broken(value, appended_ms):
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(intake, "decode_event", broken)
    [delivery] = Inlet().take(record(0))
    assert isinstance(delivery.decoded, EventError)
    assert delivery.decoded.reason == "internal"
    assert "a defect" in delivery.decoded.detail


def test_what_arrives_while_the_worker_drains_is_left_to_come_again():
    inlet = Inlet()
    inlet.intake.open = False
    assert inlet.take(record(0)) == []
    assert inlet.ledger.committable(0) == inlet.ledger.expected(0) == 0


def test_an_offset_that_arrives_again_is_taken_once():
    assert offsets(Inlet().take(record(0), record(0), record(1), record(0))) == [0, 1]


def test_a_hole_is_filled_from_the_topic_before_what_came_early():
    topic = [record(offset) for offset in range(5)]
    inlet = Inlet(topic)
    assert offsets(inlet.take(topic[0], topic[3], topic[4])) == [0, 1, 2, 3, 4]
    assert inlet.asked == [(0, 1, 3)]
    assert inlet.metric("segue_gaps_total", found="events") == 1


def test_a_hole_with_nothing_in_it_is_passed_over():
    inlet = Inlet()
    assert offsets(inlet.take(record(0), record(5))) == [0, 5]
    assert inlet.metric("segue_gaps_total", found="nothing") == 1
    assert inlet.asked == [(0, 1, 5)]


def test_the_first_arrival_after_an_assignment_may_be_early_too():
    topic = [record(offset) for offset in range(3)]
    assert offsets(Inlet(topic).take(topic[2])) == [0, 1, 2]


def test_a_hole_that_cannot_be_read_is_read_again_until_it_can(monkeypatch):
    monkeypatch.setattr(intake, "RETRY_SECONDS", 0.0)
    topic = [record(offset) for offset in range(3)]
    inlet = Inlet(topic)
    failures = [KafkaConnectionError("away"), OSError("away")]

    def fail() -> None:
        if failures:
            raise failures.pop()

    inlet.meanwhile = fail
    assert offsets(inlet.take(topic[2])) == [0, 1, 2]
    assert len(inlet.asked) == 3


def test_a_partition_that_goes_while_its_hole_cannot_be_read_is_let_go(monkeypatch):
    monkeypatch.setattr(intake, "RETRY_SECONDS", 0.0)
    inlet = Inlet()

    def go() -> None:
        inlet.ledger.drop(0)
        raise KafkaConnectionError("away")

    inlet.meanwhile = go
    assert inlet.take(record(2)) == []
    assert len(inlet.asked) == 1


def test_a_partition_taken_away_while_its_hole_is_read_is_left_to_its_next_holder():
    topic = [record(offset) for offset in range(3)]
    inlet = Inlet(topic)
    inlet.meanwhile = lambda: inlet.ledger.drop(0)
    assert inlet.take(topic[2]) == []


@pytest.mark.parametrize("committed", [0, 3, 6])
def test_a_partition_begun_anew_while_its_hole_is_read_begins_at_what_is_committed(committed):
    """What was in line has died, so an offset before the hole must not be passed over."""
    topic = [record(offset) for offset in range(8)]
    inlet = Inlet(topic)
    before = inlet.take(*topic[:4])
    inlet.meanwhile = lambda: inlet.ledger.begin(0, committed)
    line = inlet.take(topic[6])
    inlet.meanwhile = lambda: None
    line += inlet.take(*topic[committed:])  # as Kafka delivers after the new assignment
    assert not any(delivery.claim.live for delivery in before)
    assert offsets([one for one in line if one.claim.live]) == list(range(committed, 8))


def test_a_partition_begun_anew_while_an_empty_hole_is_read_does_not_skip_it():
    inlet = Inlet()
    inlet.meanwhile = lambda: inlet.ledger.begin(0, 0)
    assert inlet.take(record(5)) == []
    assert inlet.ledger.expected(0) == 0


def test_a_partition_that_is_not_held_is_not_taken():
    assert Inlet().take(record(0, partition=1)) == []


def test_the_newest_append_time_of_each_partition_is_known():
    inlet = Inlet()
    inlet.take(record(0), record(9), record(10, b"not an event"))
    assert inlet.intake.newest_ms == {0: BEGAN_MS + 10}


@pytest.mark.parametrize(("partition", "wrong"), [(0, 1), (1, 0)])
def test_an_event_in_another_partition_than_murmur2_gives_is_counted(partition, wrong):
    inlet = Inlet(partitions=4)
    inlet.ledger.begin(partition, 0)
    inlet.take(record(0, partition=partition))
    assert inlet.metric("segue_wrong_partition_total") == wrong


def test_what_was_lost_at_the_end_is_taken_from_the_topic():
    inlet = Inlet([record(0), record(1), record(2)])

    async def scene() -> list[Delivery]:
        await inlet.intake.take(record(0))
        await asyncio.wait_for(inlet.intake.reread(0, due=1, end=3), 30)
        return await inlet.batcher.take() + await inlet.batcher.take() + await inlet.batcher.take()

    assert offsets(asyncio.run(scene())) == [0, 1, 2]
    assert inlet.asked == [(0, 1, 3)]


def test_where_the_end_holds_no_event_it_is_passed_over():
    inlet = Inlet()
    asyncio.run(inlet.intake.reread(0, due=0, end=1))
    assert inlet.ledger.committable(0) == inlet.ledger.expected(0) == 1


def test_an_end_that_arrived_meanwhile_is_not_read_again():
    inlet = Inlet([record(0)])
    inlet.take(record(0))
    asyncio.run(inlet.intake.reread(0, due=0, end=1))
    assert inlet.asked == []
