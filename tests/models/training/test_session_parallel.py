"""Session-parallel steps hold every known pair once, in order; and rank as a replay does."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.encoders.gru4rec import GRU4Rec, GRU4RecConfig
from models.evaluation.evaluate import evaluate
from models.evaluation.metrics import ranks
from models.evaluation.rankers import NeuralRanker
from models.sessions import Sessions, packed
from models.training.session_parallel import ParallelSteps, parallel_steps
from tests.strategies import sessions


def listening(*words: str) -> Sessions:
    plays = [(f"s{i}", [(letter, 1) for letter in word]) for i, word in enumerate(words)]
    return packed(plays, [*"abcdefgh"])


def letters(steps: ParallelSteps) -> list[str]:
    """What is read and what follows, a word for each slot; a capital begins a session."""
    found = []
    for slot in range(steps.items.shape[1]):
        word = ""
        for items, begins in zip(steps.items[:, slot], steps.begins[:, slot], strict=True):
            letter = "-abcdefgh"[int(items)]
            word += letter.upper() if begins else letter
        found.append(word)
    return found


def test_a_slot_whose_session_has_ended_goes_on_with_the_next_one():
    steps = parallel_steps(listening("abc", "defga", "bc", "hab"), 2)
    assert letters(steps) == ["AbBHa", "Defg-"]
    assert steps.sessions[:, 0].tolist() == [0, 0, 2, 3, 3]
    assert steps.targets[:, 0].tolist() == [2, 3, 3, 1, 2]
    assert steps.busy(4).tolist() == [0]
    assert steps.busy(3).tolist() == [0, 1]


def test_there_are_no_more_slots_than_sessions_and_lone_tracks_have_no_step():
    steps = parallel_steps(listening("a", "bc", ""), 8)
    assert letters(steps) == ["B"]
    assert len(parallel_steps(listening("a", "b"), 8)) == 0


def test_unknown_tracks_are_left_out():
    plays = [("s", [("a", 1), ("?", 4), ("b", 2), ("c", 3)])]
    steps = parallel_steps(packed(plays, ["a", "b", "c"]), 1)
    assert steps.items[:, 0].tolist() == [1, 2]
    assert steps.outcomes[:, 0].tolist() == [1, 2]
    assert steps.target_outcomes[:, 0].tolist() == [2, 3]


@given(sessions(), st.integers(1, 5))
def test_every_pair_of_a_session_is_stepped_through_once_in_its_order(listened, slots):
    steps = parallel_steps(listened, slots)
    found: dict[int, list[tuple[int, int]]] = {}
    for step in range(len(steps)):
        for slot in steps.busy(step).tolist():
            session = int(steps.sessions[step, slot])
            assert bool(steps.begins[step, slot]) == (session not in found)
            pair = int(steps.items[step, slot]), int(steps.targets[step, slot])
            found.setdefault(session, []).append(pair)
    expected = {}
    for i in range(len(listened)):
        items = [item for item in listened.session(i)[0].tolist() if item]
        if len(items) > 1:
            expected[i] = list(itertools.pairwise(items))
    assert found == expected


@pytest.mark.parametrize("slots", [1, 3])
@torch.no_grad()
def test_stepping_through_sessions_side_by_side_ranks_as_replaying_each_does(slots):
    """The next-track protocol is that of session-parallel evaluation."""
    torch.manual_seed(0)
    model = GRU4Rec(GRU4RecConfig(items=8, width=8)).eval()
    held_out = listening("abcd", "ha", "cabgf", "hgfedcba", "bb")
    (replayed,) = evaluate([NeuralRanker(model)], held_out, np.ones(9, dtype=np.int64))
    steps = parallel_steps(held_out, slots)
    hidden = torch.zeros(1, slots, 8)
    found: dict[int, list[int]] = {}
    for step in range(len(steps)):
        busy = steps.busy(step)
        items, outcomes = steps.items[step, busy].long(), steps.outcomes[step, busy].long()
        before = hidden[:, busy].masked_fill(steps.begins[step, busy][:, None], 0)
        states, hidden[:, busy] = model.step(model.look_up(items), outcomes, before)
        scores = model.logits(states)
        scores[torch.arange(len(busy)), items] = -torch.inf  # serving never offers the current one
        of = ranks(scores.numpy(), steps.targets[step, busy].numpy().astype(np.int64))
        for session, rank in zip(steps.sessions[step, busy].tolist(), of.tolist(), strict=True):
            found.setdefault(session, []).append(rank)
    assert [rank for i in sorted(found) for rank in found[i]] == replayed.ranks.tolist()
