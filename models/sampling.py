"""Draws: training rows, batches of them, and negatives. Every generator is an argument."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .sessions import Sessions

Ints = NDArray[np.int64]
_POOL = 16  # batches that are sorted by length together


class Rows(NamedTuple):
    """Training rows, right-padded: position t + 1 is the target of position t."""

    items: Tensor  # (R, T + 1) int32
    outcomes: Tensor  # (R, T + 1) int8

    def to(self, device: torch.device) -> Rows:
        """Give the same rows on a device."""
        return Rows(self.items.to(device), self.outcomes.to(device))

    def lengths(self) -> Tensor:
        """Count the occurrences of each row, (R,)."""
        return (self.items > 0).sum(dim=1)

    def take(self, chosen: Tensor, columns: int) -> Rows:
        """Give the chosen rows, (B,), and of them the first `columns`."""
        chosen = chosen.to(self.items.device)
        return Rows(self.items[chosen, :columns], self.outcomes[chosen, :columns])

    def __len__(self) -> int:
        return len(self.items)


def training_rows(sessions: Sessions, length: int) -> Rows:
    """Cut sessions into rows of up to `length` + 1 known occurrences.

    A longer session becomes several rows, each beginning with the last occurrence of the one
    before, so that every occurrence but the first is a target exactly once. Tracks that the catalog
    does not know are left out, as in serving; a session with fewer than two others gives no row.
    """
    known = sessions.items > 0
    ends = np.concatenate([[0], np.cumsum(known)])[sessions.offsets]  # (S + 1,)
    sizes = np.diff(ends)
    rows_of = np.maximum(-(-(sizes - 1) // length), 0)  # ceil((n - 1) / T), (S,)
    session = np.repeat(np.arange(len(sizes)), rows_of)  # (R,)
    nth = np.arange(len(session)) - np.repeat(np.cumsum(rows_of) - rows_of, rows_of)
    start = ends[session] + nth * length
    columns = np.arange(length + 1)
    flat = start[:, None] + columns  # (R, T + 1)
    inside = flat < ends[session + 1][:, None]
    items = np.zeros(flat.shape, dtype=np.int32)
    outcomes = np.zeros(flat.shape, dtype=np.int8)
    items[inside] = sessions.items[known][flat[inside]]
    outcomes[inside] = sessions.outcomes[known][flat[inside]]
    return Rows(torch.from_numpy(items), torch.from_numpy(outcomes))


def batches(
    count: int, size: int, generator: torch.Generator, lengths: Tensor | None = None
) -> Iterator[Tensor]:
    """Draw each of `count` rows once, at random, in batches of row numbers.

    With `lengths` (count,) a batch holds rows of about one length, so that little of it is padding:
    pools of some batches are sorted by length and cut, and the batches come in random order.
    """
    order = torch.randperm(count, generator=generator)
    if lengths is None:
        yield from torch.split(order, size)
        return
    cut: list[Tensor] = []
    for pool in torch.split(order, size * _POOL):
        cut += torch.split(pool[lengths[pool].argsort(descending=True, stable=True)], size)
    for number in torch.randperm(len(cut), generator=generator).tolist():
        yield cut[number]


def mixed_batches(
    new: int, replay: int, share: float, size: int, generator: torch.Generator
) -> Iterator[Tensor]:
    """Draw each new row once and beside it old ones; numbers 0..new-1 are new, then come the old.

    `share` of each batch is new, the rest are replay rows, drawn anew for every batch. With nothing
    to replay the batches are of new rows alone.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share is {share}, expected the share of new rows, above 0 and up to 1")
    fresh = max(1, round(size * share)) if replay else size
    for rows in batches(new, fresh, generator):
        wanted = min(replay, round(len(rows) * (1 - share) / share)) if replay else 0
        old = torch.randperm(replay, generator=generator)[:wanted] + new
        yield torch.cat([rows, old])


class NegativeSampler:
    """Draws items with a probability proportional to their plays ** alpha, repeats possible.

    `plays` (N + 1,) are those of training; an item never played counts as one that was played once.
    """

    def __init__(self, plays: Tensor, alpha: float = 0.0) -> None:
        if len(plays) < 2:
            raise ValueError("there are no items to draw, expected a catalog of one or more")
        counted = plays.double().clamp(min=1)
        counted[0] = 0
        self.alpha = alpha
        weights = counted**alpha
        weights[0] = 0
        self.log_plays = counted.log().float()  # (N + 1,) -inf for padding, as the next one
        self.log_q = (weights / weights.sum()).log().float()  # of one draw
        self._up_to = (weights.cumsum(0) / weights.sum())[1:]  # (N,)

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw `count` items, (K,)."""
        items = len(self._up_to)
        if not self.alpha:
            return torch.randint(1, items + 1, (count,), generator=generator)
        at = torch.rand(count, generator=generator, dtype=torch.float64)
        return torch.searchsorted(self._up_to, at, right=True).clamp_(max=items - 1) + 1


def unobserved(observed: Ints, n_items: int, count: int, rng: np.random.Generator) -> Ints:
    """Draw `count` distinct items for each row that it has not observed, (B, L) -> (B, count).

    Where fewer are left, all of them are given, and 0 fills the row.
    """
    keys = rng.random((len(observed), n_items + 1))
    keys[:, 0] = 2
    np.put_along_axis(keys, observed, 2, axis=1)
    count = min(count, n_items)
    drawn = np.argpartition(keys, count - 1, axis=1)[:, :count] if count else keys[:, :0]
    drawn = drawn.astype(np.int64)
    drawn[np.take_along_axis(keys, drawn, axis=1) == 2] = 0
    return drawn
