import asyncio
from collections.abc import Coroutine
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from streams.batching import Batcher


class Item(NamedTuple):
    group: str | None
    number: int


items = st.lists(st.sampled_from((None, *"abcde")), max_size=60).map(
    lambda groups: [Item(group, number) for number, group in enumerate(groups)]
)


def ran(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The coroutine's result; a minute is more than any of these needs."""

    async def limited() -> Any:
        return await asyncio.wait_for(coroutine, 60)

    return asyncio.run(limited())


async def drained(line: list[Item], max_batch: int, max_wait: float = 0.0) -> list[list[Item]]:
    batcher: Batcher[Item] = Batcher(max_batch, max_wait, capacity=1000)
    for item in line:
        await batcher.put(item)
    batches = []
    while len(batcher):
        batches.append(await batcher.take())
    return batches


@given(items, st.integers(1, 8))
def test_every_item_is_taken_once_and_a_group_keeps_its_order(line, max_batch):
    batches = ran(drained(line, max_batch))
    taken = [item for batch in batches for item in batch]
    assert sorted(taken, key=lambda item: item.number) == line
    for group in "abcde":
        numbers = [item.number for item in taken if item.group == group]
        assert numbers == sorted(numbers)


@given(items, st.integers(1, 8))
def test_a_batch_holds_one_of_a_group_and_no_more_than_it_may(line, max_batch):
    for batch in ran(drained(line, max_batch)):
        assert 1 <= len(batch) <= max_batch
        groups = [item.group for item in batch if item.group is not None]
        assert len(set(groups)) == len(groups)
        assert [item.number for item in batch] == sorted(item.number for item in batch)


def test_what_has_no_group_never_waits_for_its_like():
    line = [Item(None, number) for number in range(5)]
    assert ran(drained(line, 8)) == [line]


def test_the_second_of_a_group_leads_the_next_batch():
    line = [Item("a", 0), Item("a", 1), Item("b", 2), Item("a", 3)]
    assert [[item.number for item in batch] for batch in ran(drained(line, 8))] == [
        [0, 2],
        [1],
        [3],
    ]


def test_what_waits_is_taken_at_once_and_a_full_batch_is_not_waited_for():
    async def scene() -> list[Item]:
        batcher: Batcher[Item] = Batcher(256, 0.0, capacity=10)
        await batcher.put(Item("a", 0))
        return await asyncio.wait_for(batcher.take(), 10)

    assert ran(scene()) == [Item("a", 0)]


def test_an_item_that_comes_while_a_batch_waits_for_company_is_in_it():
    async def scene() -> list[Item]:
        batcher: Batcher[Item] = Batcher(8, 0.2, capacity=10)
        taking = asyncio.create_task(batcher.take())
        await batcher.put(Item("a", 0))
        await asyncio.sleep(0)
        await batcher.put(Item("b", 1))
        return await taking

    assert [item.number for item in ran(scene())] == [0, 1]


def test_taking_waits_until_there_is_something():
    async def scene() -> list[Item]:
        batcher: Batcher[Item] = Batcher(8, 0.0, capacity=10)
        taking = asyncio.create_task(batcher.take())
        await asyncio.sleep(0.01)
        assert not taking.done()
        await batcher.put(Item("a", 0))
        return await taking

    assert ran(scene()) == [Item("a", 0)]


def test_a_full_line_makes_the_next_one_wait_until_there_is_room():
    async def scene() -> list[Item]:
        batcher: Batcher[Item] = Batcher(8, 0.0, capacity=2)
        await batcher.put(Item("a", 0))
        await batcher.put(Item("b", 1))
        putting = asyncio.create_task(batcher.put(Item("c", 2)))
        await asyncio.sleep(0.01)
        assert not putting.done()
        assert len(batcher) == 2
        first = await batcher.take()
        await putting
        return first + await batcher.take()

    assert [item.number for item in ran(scene())] == [0, 1, 2]
