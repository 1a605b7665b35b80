"""How long and how fast an encoder is trained, and by which figure its best epoch is chosen."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, get_args

Shape = Literal["one-cycle", "cosine", "constant"]
SelectBy = Literal["mrr@20", "ndcg@10"]
Mode = Literal["all-positions", "session-parallel"]

EPOCHS = 10
ENOUGH = 450
"""Steps below which more epochs still help: on half of the MSSD subset (29 steps an epoch) MRR@20
was .494 after 10 epochs and .500 after 16, on simulated listeners (19 steps) .423 after 10 and .447
after 20."""
_WARM_UP = 0.3  # share of the steps in which the learning rate rises
_FIRST = 1 / 25  # of the top learning rate, at the first step


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How long and how fast."""

    epochs: int | None = None  # None: 10; from nothing on little data, what makes ENOUGH steps
    mode: Mode = "all-positions"  # of a row in one pass, by Adam; or one of each slot, by Adagrad
    batch: int = 128  # rows a step; slots
    pool: int | None = None  # batches sorted by length together; None: 16 where rows are uneven
    learning_rate: float = 5e-3  # at the top
    shape: Shape = "one-cycle"  # of the learning rate over the run; `share_of_top` says which
    weight_decay: float = 0.0  # decoupled, as in AdamW (arXiv:1711.05101); Adagrad's is plain L2
    betas: tuple[float, float] = (0.9, 0.999)  # of Adam's two moments
    momentum: float = 0.0  # of Adagrad, in session-parallel mode
    clip: float = 5.0  # largest norm of a step's gradient
    patience: int = 3  # epochs without a better validation figure before it stops
    select_by: SelectBy = "mrr@20"  # the validation figure
    seconds: float | None = None  # of training; the cycle is then squeezed into them
    threads: int = 1  # of torch on a CPU; on a busy machine two were many times slower than one
    new_share: float = 0.5  # of each batch in fine-tuning; the rest is replayed

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        epochs = 1 if self.epochs is None else self.epochs
        pool = 1 if self.pool is None else self.pool
        if min(epochs, self.batch, pool, self.patience, self.threads) < 1:
            raise ValueError(
                f"epochs, batch, pool, patience and threads must be 1 or more, got {self}"
            )
        seconds = 1 if self.seconds is None else self.seconds
        if min(self.learning_rate, self.clip, seconds) <= 0:
            raise ValueError(
                f"learning_rate {self.learning_rate}, clip {self.clip} and seconds {self.seconds} "
                "must be above 0"
            )
        if self.weight_decay < 0 or not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(
                f"weight_decay {self.weight_decay} must be 0 or more, betas {self.betas} in [0, 1)"
            )
        if not 0 <= self.momentum < 1 or (self.momentum and self.mode == "all-positions"):
            raise ValueError(
                f"momentum {self.momentum} must be in [0, 1), and is of mode session-parallel alone"
            )
        for name, kind in (("mode", Mode), ("shape", Shape), ("select_by", SelectBy)):
            if getattr(self, name) not in get_args(kind):
                raise ValueError(
                    f"{name} {getattr(self, name)!r}: expected one of {', '.join(get_args(kind))}"
                )

    def from_nothing(self, rows: int) -> Schedule:
        """Settle the epochs of a model that starts with so many rows and random weights."""
        enough = math.ceil(ENOUGH / math.ceil(rows / self.batch))
        return replace(self, epochs=self.epochs or max(EPOCHS, enough))


def share_of_top(shape: Shape, position: float) -> float:
    """Share of the top learning rate at a position in [0, 1] of the run.

    | shape     | share                                                         |
    |-----------|---------------------------------------------------------------|
    | one-cycle | up to the top in the first .3 of the run, then down to 0      |
    | cosine    | from the top down to 0                                        |
    | constant  | the top throughout                                            |
    """
    if shape == "constant":
        return 1.0
    if shape == "cosine":
        return _fall(position)
    if position < _WARM_UP:
        return _FIRST + (1 - _FIRST) * (1 - math.cos(math.pi * position / _WARM_UP)) / 2
    return _fall((position - _WARM_UP) / (1 - _WARM_UP))


def _fall(position: float) -> float:
    return (1 + math.cos(math.pi * min(1, position))) / 2
