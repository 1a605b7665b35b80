import pytest

from streams.pseudonyms import pseudonym, pseudonymous
from streams.replay import Pace, schedule

KEY = b"0123456789abcdef"


def test_a_pseudonym_is_hmac_sha256_so_that_any_producer_can_make_it():
    # printf s1 | openssl dgst -sha256 -hmac 0123456789abcdef
    assert pseudonym("s1", KEY) == "7362b9005e381421ab0dff55dfa9c024"


def test_another_key_makes_another_pseudonym_and_the_same_one_the_same():
    assert pseudonym("s1", KEY) == pseudonym("s1", KEY)
    assert len({pseudonym("s1", KEY), pseudonym("s1", KEY + b"0"), pseudonym("s2", KEY)}) == 3


def test_a_short_key_is_refused_with_how_to_make_one():
    with pytest.raises(ValueError, match="openssl rand -hex 32"):
        pseudonym("s1", b"short")


def test_nothing_of_a_session_id_is_left_in_its_events():
    plain = list(schedule([("alice", [("t1", 1), ("t2", 4)])], Pace(rate=10), "r"))
    hidden = list(pseudonymous(plain, KEY))
    assert [event.at for event in hidden] == [event.at for event in plain]
    assert {one.event.session_id for one in hidden} == {pseudonym("r-alice", KEY)}
    assert "alice" not in str(hidden)
