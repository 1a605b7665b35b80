"""Generated values: the same for a seed, of every reason, and none that the decoder falls over."""

import json
import random
from collections import Counter
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.chaos.mutations import BYTES, FIELDS, Generated, generated, good
from streams.decoding import REASONS, EventError, decode_event
from streams.events import PlaybackEvent

NOW_MS = 1_800_000_000_000
TRACKS = ["t1", "t2", "t3"]


def outcome(value: bytes | None) -> str:
    """The reason for which a value is refused, or `kept`; anything else raised fails the test."""
    try:
        event = decode_event(value, NOW_MS)
    except EventError as err:
        return err.reason if err.detail else "no detail"
    assert isinstance(event, PlaybackEvent)
    assert event.id
    return "kept"


def made(seed: int, count: int) -> list[Generated]:
    return list(islice(generated(random.Random(seed), NOW_MS, TRACKS), count))


@given(st.integers(0, 2**32))
def test_whatever_is_generated_is_kept_or_refused_with_a_reason(seed):
    for record in made(seed, 20):
        assert outcome(record.value) in {"kept", *REASONS} - {"internal"}


@given(st.integers(0, 2**32))
def test_the_same_seed_makes_the_same_records(seed):
    assert made(seed, 10) == made(seed, 10)


def test_every_reason_a_player_can_give_comes_up_and_so_do_good_events():
    found = Counter(outcome(record.value) for record in made(0, 4000))
    assert set(found) == {"kept", *REASONS} - {"internal"}
    assert 0.2 < found["kept"] / 4000 < 0.8


@given(st.integers(0, 2**32))
def test_what_is_not_changed_keeps_the_contract(seed):
    rng = random.Random(seed)
    event = good(rng, NOW_MS, "s1", "t1", "e1")
    assert decode_event(json.dumps(event).encode(), NOW_MS).session_id == "s1"


@given(st.binary(max_size=200), st.integers(0, 2**32))
def test_every_change_of_bytes_takes_any_bytes(raw, seed):
    for change in BYTES:
        assert isinstance(change(random.Random(seed), raw), bytes)


@given(st.integers(0, 2**32))
def test_every_change_of_fields_takes_an_event_that_lost_some(seed):
    rng = random.Random(seed)
    event = good(rng, NOW_MS, "s1", "t1", "e1")
    for _ in range(30):
        rng.choice(FIELDS)(rng, event)


def test_a_session_goes_under_one_key_unless_it_is_its_own():
    keys: dict[str, set[bytes | None]] = {}
    for record in made(3, 3000):
        try:
            event = decode_event(record.value, NOW_MS)
        except EventError:
            continue
        keys.setdefault(event.session_id, set()).add(record.key)
    many = [session for session, found in keys.items() if len(found) > 1]
    assert len(many) < 0.02 * len(keys)  # a changed byte may make another session's id
