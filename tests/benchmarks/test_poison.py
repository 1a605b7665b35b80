"""The demo's poison is refused for the reason it was made for, and says whose it is."""

from itertools import islice

import pytest

from benchmarks.demo.poison import poison
from streams.decoding import REASONS, EventError, decode_event

NOW = "2027-01-15T08:00:00+00:00"
NOW_MS = 1_800_000_000_000
KINDS = list(islice(poison(NOW), 8))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.reason)
def test_each_kind_is_refused_for_its_reason(kind):
    with pytest.raises(EventError) as refused:
        decode_event(kind.value, NOW_MS)
    assert refused.value.reason == kind.reason


def test_every_reason_a_player_can_give_but_one_is_shown():
    shown = {kind.reason for kind in KINDS}
    assert shown <= set(REASONS)
    assert len(shown) == len(KINDS)


def test_what_is_not_empty_names_the_demo():
    assert all(kind.key.startswith(b"demo-poison") for kind in KINDS)
    assert all(b"demo-poison" in kind.value for kind in KINDS if kind.value is not None)


def test_it_goes_on_and_no_two_are_of_one_session():
    assert len({(kind.key, kind.reason) for kind in islice(poison(NOW), 40)}) == 40
