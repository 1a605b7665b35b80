"""Session-parallel mini-batches (Hidasi et al., arXiv:1511.06939, section 3.2.1): which occurrence
each slot reads at each step, which track follows, and where its hidden state begins anew.

Sessions are taken in the data set's order, never shuffled: a slot whose session has ended goes on
with the next one. Everything is laid out beforehand, as arrays. Steps are taken elsewhere
(parallel_stepping.py).
"""

from __future__ import annotations

import heapq
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..sessions import Sessions


class ParallelSteps(NamedTuple):
    """S steps of B slots; where a slot has run out of sessions, its items are 0."""

    items: Tensor  # (S, B) int32, read
    outcomes: Tensor  # (S, B) int8
    targets: Tensor  # (S, B) int32, what follows
    target_outcomes: Tensor  # (S, B) int8
    begins: Tensor  # (S, B) bool, where another session begins: the hidden state is 0 before
    sessions: Tensor  # (S, B) int64, number of the slot's session in its set; -1 where none is left

    def to(self, device: torch.device) -> ParallelSteps:
        """Give the same steps on a device."""
        return ParallelSteps(*(part.to(device) for part in self))

    def __len__(self) -> int:
        return len(self.items)

    def busy(self, step: int) -> Tensor:
        """Slots that have a session at a step, (b,)."""
        return self.sessions[step].ge(0).nonzero().squeeze(1)


def parallel_steps(sessions: Sessions, slots: int) -> ParallelSteps:
    """Deal sessions out to `slots`, each to the one that is free first, lower numbers first.

    Tracks that the catalog does not know are left out, as in serving; a session with fewer than two
    others has no step. There are never more slots than sessions.
    """
    known = sessions.items > 0
    ends = np.concatenate([[0], np.cumsum(known)])[sessions.offsets]  # (n + 1,)
    taken = np.maximum(np.diff(ends) - 1, 0)  # steps of each session, (n,)
    number = np.flatnonzero(taken)
    free = [(0, slot) for slot in range(min(slots, len(number)))]
    start, slot = np.zeros(len(number), dtype=np.int64), np.zeros(len(number), dtype=np.int64)
    for i, steps in enumerate(taken[number].tolist()):
        start[i], slot[i] = free[0]
        heapq.heapreplace(free, (free[0][0] + steps, free[0][1]))
    shape = (max((end for end, _ in free), default=0), len(free))

    lengths = taken[number]
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    flat = np.repeat(ends[:-1][number], lengths) + within  # of known occurrences
    at = np.repeat(start, lengths) + within, np.repeat(slot, lengths)
    items, outcomes = sessions.items[known], sessions.outcomes[known]

    def laid(values: np.ndarray, empty: int = 0) -> Tensor:
        table = np.full(shape, empty, dtype=values.dtype)
        table[at] = values
        return torch.from_numpy(table)

    return ParallelSteps(
        items=laid(items[flat]),
        outcomes=laid(outcomes[flat]),
        targets=laid(items[flat + 1]),
        target_outcomes=laid(outcomes[flat + 1]),
        begins=laid(within == 0),
        sessions=laid(np.repeat(number, lengths), -1),
    )
