import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.worker.commits import Claim, Delivery, Ledger


def holding(offset: int = 0, partition: int = 0) -> Ledger:
    ledger = Ledger()
    ledger.begin(partition, offset)
    return ledger


def test_a_partition_begins_where_a_restart_would():
    assert holding(7).committable(0) == 7
    assert holding(7).expected(0) == 7


def test_an_offset_is_committable_only_when_all_before_it_are_done():
    ledger = holding()
    claims = [ledger.take(0, offset) for offset in range(3)]
    claims[1].done()
    claims[2].done()
    assert ledger.committable(0) == 0
    claims[0].done()
    assert ledger.committable(0) == 3


def test_done_twice_is_done_once():
    ledger = holding()
    first, _ = ledger.take(0, 0), ledger.take(0, 1)
    first.done()
    first.done()
    assert ledger.committable(0) == 1


@pytest.mark.parametrize(
    ("offset", "means"), [(4, Delivery.AGAIN), (5, Delivery.NEXT), (6, Delivery.EARLY)]
)
def test_the_expected_offset_says_what_an_arrival_is(offset, means):
    ledger = holding(3)
    ledger.take(0, 4)
    assert ledger.look(0, offset) is means


def test_what_arrives_of_a_partition_that_is_not_held_is_left_to_come_again():
    ledger = holding(partition=1)
    assert ledger.look(0, 0) is Delivery.AGAIN
    assert ledger.committable(0) is None
    assert ledger.expected(0) is None


def test_an_offset_is_taken_only_once():
    ledger = holding()
    ledger.take(0, 0)
    with pytest.raises(ValueError, match="offset 0 of partition 0 was taken before; expected 1"):
        ledger.take(0, 0)


def test_offsets_that_hold_no_event_are_passed_over():
    ledger = holding()
    ledger.skip(0, 5)
    assert ledger.committable(0) == 5
    claim = ledger.take(0, 7)
    assert ledger.committable(0) == 7
    claim.done()
    ledger.skip(0, 3)
    assert ledger.committable(0) == 8, "never back"


def test_claims_die_with_their_hold_and_say_nothing_afterwards():
    ledger = holding()
    old = ledger.take(0, 0)
    assert old.live
    ledger.drop(0)
    assert not old.live
    ledger.begin(0, 0)
    assert not old.live
    ledger.take(0, 0)
    old.done()
    assert ledger.committable(0) == 0


def test_another_hold_of_a_partition_is_told_apart():
    ledger = holding()
    before = ledger.hold(0)
    assert ledger.hold(0) is before
    ledger.begin(0, 0)
    assert ledger.hold(0) is not before
    ledger.drop(0)
    assert ledger.hold(0) is None


def test_partitions_do_not_see_each_other():
    ledger = holding()
    ledger.begin(1, 10)
    ledger.take(0, 0)
    ledger.take(1, 10).done()
    assert (ledger.committable(0), ledger.committable(1)) == (0, 11)
    ledger.drop(0)
    assert ledger.partitions == {1}


@given(st.lists(st.integers(1, 3), min_size=1, max_size=20), st.data())
def test_committable_never_passes_an_unfinished_offset(steps, data):
    """Offsets with holes are taken in order and done in any order, in between each other."""
    ledger = holding()
    waiting: list[Claim] = []
    done: set[int] = set()
    taken: list[int] = []
    offset = 0
    while steps or waiting:
        if steps and (not waiting or data.draw(st.booleans())):
            offset += steps.pop(0)
            waiting.append(ledger.take(0, offset))
            taken.append(offset)
        else:
            claim = waiting.pop(data.draw(st.integers(0, len(waiting) - 1)))
            claim.done()
            done.add(claim.offset)
        unfinished = [offset for offset in taken if offset not in done]
        assert ledger.committable(0) == (unfinished[0] if unfinished else taken[-1] + 1)
