"""The replay sample stays bounded, and keeps sessions whole and apart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.data.canonical import to_frame, to_sessions
from models.finetuning.replay import mixed, pooled
from models.sessions import packed
from tests.strategies import sessions


def plays(tracks: str) -> list[tuple[str, int]]:
    return [(track, 1) for track in tracks]


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def test_pooled_sessions_keep_their_tracks_over_one_catalog():
    together = pooled(packed([("a", plays("xy"))]), packed([("b", plays("yz"))]))
    assert together.session_ids == ("a", "b")
    assert [together.occurrences(i) for i in range(2)] == [plays("xy"), plays("yz")]


def test_sessions_of_one_id_stay_apart_in_a_table():
    parts = [packed([("a", plays(tracks))]) for tracks in ("xy", "yz", "zx")]
    together = pooled(*parts)
    assert together.session_ids == ("a", "a~2", "a~3")
    assert len(to_sessions(to_frame(together))) == 3


def test_an_id_that_looks_like_a_second_one_is_told_apart_too():
    together = pooled(packed([("a", plays("x")), ("a~2", plays("y"))]), packed([("a", plays("z"))]))
    assert together.session_ids == ("a", "a~2", "a~3")


def test_old_and_new_stay_in_equal_shares_when_it_overflows():
    old = packed([(f"o{i}", plays("xy")) for i in range(300)])
    new = packed([(f"n{i}", plays("yz")) for i in range(300)])
    sample = mixed(old, new, 200, rng())
    assert len(sample) == 200
    assert 70 < sum(name.startswith("o") for name in sample.session_ids) < 130


@pytest.mark.parametrize("capacity", [0, -1])
def test_a_sample_of_nothing_is_misuse(capacity):
    empty = packed([])
    with pytest.raises(ValueError, match="expected at least 1 session"):
        mixed(empty, empty, capacity, rng())


@given(sessions(), sessions(), st.integers(1, 30))
def test_a_sample_is_bounded_and_every_session_in_it_is_one_that_was(old, new, capacity):
    sample = mixed(old, new, capacity, rng())
    assert len(sample) == min(capacity, len(old) + len(new))
    assert len(set(sample.session_ids)) == len(sample)
    given_ones = [part.occurrences(i) for part in (old, new) for i in range(len(part))]
    for i in range(len(sample)):
        given_ones.remove(sample.occurrences(i))
