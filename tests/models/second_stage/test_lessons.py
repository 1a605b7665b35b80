"""Lessons say where the target and the tracks after it stand among the candidates."""

from typing import Any

import numpy as np
import pytest

from models.counting.baselines import MostPopular
from models.counting.ngrams import continuations
from models.second_stage.candidates import skip_rates
from models.second_stage.lessons import lessons
from models.sessions import packed
from streams.candidates import Describer

RNG = np.random.default_rng(3)
SESSIONS = packed(
    [
        (f"s{i}", [(f"t{RNG.integers(25)}", int(RNG.choice([1, 3, 4]))) for _ in range(8)])
        for i in range(20)
    ]
)
FIRST = MostPopular.fit(SESSIONS)
DESCRIBER = Describer(continuations(SESSIONS, 9), SESSIONS.counts(), skip_rates(SESSIONS))
ASKED: Any = {"length": 9, "candidates": 9, "seed": 0}


def test_places_are_those_of_the_tracks_that_followed():
    one = SESSIONS.select([4])
    found = lessons(FIRST, DESCRIBER, one, "next-track", questions=10**6, **ASKED)
    items, outcomes = (part.tolist() for part in one.session(0))
    assert len(found.target) == 7
    for depth in range(1, 8):
        listed = [item for item in range(1, SESSIONS.n_items + 1) if item != items[depth - 1]][:9]
        places = [listed.index(item) if item in listed else -1 for item in items[depth:]]
        assert found.target[depth - 1] == places[0]
        assert found.following[depth - 1, : 8 - depth].tolist() == places
        assert (found.following[depth - 1, 8 - depth :] == -1).all()
        heard, skipped = found.heard[depth - 1], found.skipped[depth - 1]
        assert heard[: 8 - depth].tolist() == [outcome == 1 for outcome in outcomes[depth:]]
        assert skipped[: 8 - depth].tolist() == [outcome >= 3 for outcome in outcomes[depth:]]


def test_no_more_questions_are_kept_than_asked_for_by_much():
    found = lessons(FIRST, DESCRIBER, SESSIONS, "next-track", questions=40, **ASKED)
    assert 20 < len(found.target) < 60  # 140 are asked; each is kept with a chance of 40 / 140


def test_sessions_that_ask_about_nothing_known_are_refused():
    strange = packed([("s", [("x", 1), ("y", 1)])], SESSIONS.track_ids)
    with pytest.raises(ValueError, match="ask about no session that is known"):
        lessons(FIRST, DESCRIBER, strange, "next-track", questions=40, **ASKED)
