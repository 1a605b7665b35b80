"""Questions show a ranker what serving would: what is known, up to now, and no more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.questions import PROTOCOLS, ask
from models.sessions import packed
from tests.strategies import sessions

HELD_OUT = packed(
    [
        ("s1", [("a", 1), ("new", 1), ("b", 4), ("a", 1)]),
        ("s2", [("new", 1), ("new", 1), ("b", 1)]),
        ("s3", [("a", 1)]),
    ],
    ["a", "b"],
)


def test_next_track_asks_after_each_occurrence_and_leaves_unknown_tracks_out_of_the_history():
    (asked,) = ask(HELD_OUT, "next-track", 1000)
    assert asked.target.tolist() == [0, 2, 1, 0, 2]
    assert asked.session.tolist() == [0, 0, 0, 1, 1]
    assert asked.heard.tolist() == [True, False, True, True, True]
    assert asked.questions.items.tolist() == [[1, 2, 1, 0], [2, 0, 0, 0], [1, 0, 0, 0]]
    assert asked.questions.outcomes.tolist() == [[1, 4, 1, 0], [1, 0, 0, 0], [1, 0, 0, 0]]
    assert asked.questions.depth.tolist() == [1, 1, 2, 0, 0]
    assert asked.questions.current.tolist() == [1, 0, 2, 0, 0]


def test_leave_last_out_asks_once_for_the_last_track():
    (asked,) = ask(HELD_OUT, "leave-last-out", 1000)
    assert asked.target.tolist() == [1, 2]
    assert asked.questions.depth.tolist() == [2, 0]
    assert asked.position.tolist() == [2, 1]


def test_windows_hold_the_newest_known_occurrences():
    (asked,) = ask(HELD_OUT, "leave-last-out", 1000)
    items, outcomes, lengths = asked.questions.take(slice(1)).windows(1)
    assert (items.tolist(), outcomes.tolist(), lengths.tolist()) == ([[2]], [[4]], [1])
    items, outcomes, lengths = asked.questions.take(slice(1)).windows(3)
    assert (items.tolist(), outcomes.tolist(), lengths.tolist()) == ([[1, 2, 0]], [[1, 4, 0]], [2])


def test_following_occurrences_end_with_the_session():
    (asked,) = ask(HELD_OUT, "next-track", 1000)
    items, outcomes = asked.following(2)
    assert items.tolist() == [[0, 2], [2, 1], [1, 0], [0, 2], [2, 0]]
    assert outcomes.tolist() == [[1, 4], [4, 1], [1, 0], [1, 1], [1, 0]]


def test_loo_full_asks_for_the_last_track_and_knows_what_was_seen():
    (asked,) = ask(HELD_OUT, "loo-full", 1000)
    assert asked.target.tolist() == [1, 2]
    assert asked.seen().tolist() == [[1, 0, 2, 0], [0, 0, 0, 0]]


def test_one_question_a_session_makes_large_chunks():
    long = packed((f"s{i}", [("a", 1)] * 50) for i in range(20))
    assert len(list(ask(long, "loo-full", 1000))) == 1
    assert len(list(ask(long, "next-track", 1000))) == 2


def test_a_long_session_is_not_padding_for_thousands_of_short_ones():
    plays = [("a", 1)] * 500
    mixed = packed((f"s{i}", plays if i == 7 else plays[:3]) for i in range(100))
    assert max(part.items.size for part in ask(mixed, "loo-full", 1000)) <= 1000


def test_an_unknown_protocol_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="next-track, leave-last-out, loo-full"):
        list(ask(HELD_OUT, "all", 1000))  # type: ignore[arg-type]


@given(sessions(), st.integers(1, 400), st.sampled_from(PROTOCOLS))
def test_small_chunks_ask_the_same_as_one(found, scores, protocol):
    def asked(budget: int) -> list[tuple[int, ...]]:
        return [
            question
            for part in ask(found, protocol, budget)
            for question in zip(
                part.session.tolist(),
                part.position.tolist(),
                part.target.tolist(),
                part.heard.tolist(),
                part.questions.newest().tolist(),
                part.questions.depth.tolist(),
                strict=True,
            )
        ]

    assert asked(scores) == asked(10**9)
