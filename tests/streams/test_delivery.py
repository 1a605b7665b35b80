"""Sending until the broker has it: what is retried, and what is refused for its own sake."""

import asyncio
from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry

from streams import delivery
from streams.decoding import EventError
from streams.delivery import Delivery, RefusedError, Send, deliver
from streams.metrics import WorkerMetrics
from streams.session import Arrival
from tests.streams.memory_worker import FakeClaim


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(delivery, "RETRY_SECONDS", (0.0,))


class Broker:
    """Takes batches whole or not at all: who is sent at once is one batch."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.batches: list[list[int]] = []
        self._open: list[int] = []
        self.fault: Callable[[list[int]], Exception | None] = lambda batch: None

    def send(self, number: int, *, last: bool = False, live: bool = True) -> Send:
        claim = FakeClaim([], number, live)
        at = Arrival(0, number, 0)
        found = Delivery(claim, at, None, None, EventError("internal", ""), 0.0)
        return Send(found, lambda: self._attempt(number), last)

    async def _attempt(self, number: int) -> None:
        if not self._open:
            self.batches.append(self._open)
        batch = self._open
        batch.append(number)
        await asyncio.sleep(0)
        if self._open is batch:
            self._open = []
        if (err := self.fault(batch)) is not None:
            raise err
        self.taken.append(number)

    def deliver(self, *sends: Send) -> dict[Arrival, str]:
        metrics = WorkerMetrics(CollectorRegistry())
        return asyncio.run(asyncio.wait_for(deliver(sends, metrics), 30))


def refusing(*numbers: int) -> Callable[[list[int]], Exception | None]:
    return lambda batch: RefusedError("too large") if set(numbers) & set(batch) else None


def test_who_was_refused_in_company_is_taken_alone_and_only_the_culprit_is_given_up():
    broker = Broker()
    broker.fault = refusing(1)
    refused = broker.deliver(*map(broker.send, range(3)))
    assert refused == {Arrival(0, 1, 0): "too large"}
    assert sorted(broker.taken) == [0, 2]
    assert broker.batches == [[0, 1, 2], [0], [1], [2]]


def test_a_broker_that_is_away_is_waited_for_also_by_one_that_was_refused_in_company():
    broker = Broker()
    answers = [RefusedError("too large"), ConnectionError(), ConnectionError(), None]
    broker.fault = lambda _: answers.pop(0) if answers else None
    assert broker.deliver(broker.send(7)) == {}
    assert broker.taken == [7]


def test_a_last_word_is_never_given_up():
    broker = Broker()
    answers = [RefusedError("too large")] * 5
    broker.fault = lambda _: answers.pop() if answers else None
    assert broker.deliver(broker.send(0, last=True)) == {}
    assert broker.taken == [0]


def test_what_was_taken_away_is_not_sent():
    broker = Broker()
    assert broker.deliver(broker.send(0, live=False), broker.send(1)) == {}
    assert broker.taken == [1]
