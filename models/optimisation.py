"""One optimisation of one encoder: the steps, the learning rate, the best weights kept.

Rows lie on the device as integers, and batches are drawn by index. Which rows there are, and what
"best" means, are the caller's to say.
"""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import torch
from torch import Tensor

from .encoder import Encoder
from .losses import LossConfig
from .objective import batch_loss
from .sampling import Rows

logger = logging.getLogger(__name__)

_WARM_UP = 0.3  # share of the steps in which the learning rate rises
_FIRST = 1 / 25  # of the top learning rate, at the first step
EPOCHS = 10
ENOUGH = 450
"""Steps below which more epochs still help: on half of the MSSD subset (29 steps an epoch) MRR@20
was .494 after 10 epochs and .500 after 16, on simulated listeners (19 steps) .423 after 10 and .447
after 20."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How long and how fast."""

    epochs: int | None = None  # None: 10; from nothing on little data, what makes ENOUGH steps
    batch: int = 128  # rows a step
    learning_rate: float = 5e-3  # at the top of the one cycle
    clip: float = 5.0  # largest norm of a step's gradient
    patience: int = 3  # epochs without a better validation MRR before it stops
    seconds: float | None = None  # of training; the cycle is then squeezed into them
    threads: int = 1  # of torch on a CPU; on a busy machine two were many times slower than one
    new_share: float = 0.5  # of each batch in fine-tuning; the rest is replayed

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        epochs = 1 if self.epochs is None else self.epochs
        if min(epochs, self.batch, self.patience, self.threads) < 1:
            raise ValueError(f"epochs, batch, patience and threads must be 1 or more, got {self}")
        seconds = 1 if self.seconds is None else self.seconds
        if min(self.learning_rate, self.clip, seconds) <= 0:
            raise ValueError(
                f"learning_rate {self.learning_rate}, clip {self.clip} and seconds {self.seconds} "
                "must be above 0"
            )

    def from_nothing(self, rows: int) -> Schedule:
        """Settle the epochs of a model that starts with so many rows and random weights."""
        enough = math.ceil(ENOUGH / math.ceil(rows / self.batch))
        return replace(self, epochs=self.epochs or max(EPOCHS, enough))


class Step(NamedTuple):
    """Where training stands."""

    done: int  # steps
    total: int
    epoch: int  # from 1
    loss: float  # mean of the epoch so far
    valid_mrr: float | None  # newest, None before the first


@dataclass
class Trained:
    """The best model of a run, in evaluation mode, and how the run went."""

    model: Encoder
    losses: list[float] = field(default_factory=list)  # mean of each epoch
    valid_mrr: list[float] = field(default_factory=list)  # MRR@20 after each epoch, if validated
    best_epoch: int = 0  # from 1; the one the weights are of
    seconds: float = 0.0


Progress = Callable[[Step], None]


class Optimisation:
    """One optimisation of one model."""

    def __init__(self, model: Encoder, loss: LossConfig, schedule: Schedule, seed: int) -> None:
        self.model = model
        self.loss = loss
        self.schedule = schedule
        self.generator = torch.Generator().manual_seed(seed)
        self._adam = torch.optim.Adam(model.parameters(), lr=schedule.learning_rate, fused=True)

    def fit(
        self,
        rows: Rows,
        draw: Callable[[], Iterator[Tensor]],
        validate: Callable[[Encoder], float] | None,
        progress: Progress,
        clock: Callable[[], float],
    ) -> Trained:
        """Run the epochs, each over the batches that `draw` gives, and keep the best weights."""
        began, limit = clock(), self.schedule.seconds or math.inf
        rows = rows.to(self.model.item_embedding.weight.device)
        result = Trained(self.model)
        best = self.model.state_dict()
        drawn = list(draw())
        epochs = self.schedule.epochs or EPOCHS
        total = len(drawn) * epochs
        done, out_of_time = 0, False
        for epoch in range(1, epochs + 1):
            self.model.train()
            summed = 0.0
            for count, chosen in enumerate(drawn, start=1):
                elapsed = (clock() - began) / limit
                summed += self._step(rows, chosen, max(done / total, elapsed))
                done += 1
                if not math.isfinite(summed):
                    raise FloatingPointError(self._broken(f"the loss is {summed}", done, total))
                valid_mrr = result.valid_mrr[-1] if result.valid_mrr else None
                progress(Step(done, total, epoch, summed / count, valid_mrr))
                if out_of_time := elapsed >= 1:
                    break
            result.losses.append(summed / count)
            if not all(weights.isfinite().all() for weights in self.model.parameters()):
                raise FloatingPointError(self._broken("weights are not finite", done, total))
            if validate is not None:
                result.valid_mrr.append(validate(self.model))
            if validate is None or result.valid_mrr[-1] >= max(result.valid_mrr):
                result.best_epoch = epoch
                best = copy.deepcopy(self.model.state_dict())
            if out_of_time or epoch - result.best_epoch >= self.schedule.patience:
                break
            drawn = list(draw())
        self.model.load_state_dict(best)
        self.model.eval()
        result.seconds = clock() - began
        logger.info("trained %d of %d steps, best epoch %d", done, total, result.best_epoch)
        return result

    def _step(self, rows: Rows, chosen: Tensor, position: float) -> float:
        """Take one step on the chosen rows, at a position in [0, 1] of the run."""
        chosen = chosen.to(rows.items.device)
        batch = Rows(rows.items[chosen], rows.outcomes[chosen])
        for group in self._adam.param_groups:
            group["lr"] = self.schedule.learning_rate * one_cycle(position)
        value = batch_loss(self.model, batch, self.loss, self.generator)
        self._adam.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.schedule.clip)
        self._adam.step()
        return float(value.detach())

    def _broken(self, what: str, done: int, total: int) -> str:
        return (
            f"{what} at step {done} of {total}; lower the learning rate "
            f"({self.schedule.learning_rate}) or raise the temperature ({self.loss.temperature})"
        )


def one_cycle(position: float) -> float:
    """Share of the top learning rate at a position in [0, 1] of the run: up, then down to 0."""
    if position < _WARM_UP:
        return _FIRST + (1 - _FIRST) * (1 - math.cos(math.pi * position / _WARM_UP)) / 2
    return (1 + math.cos(math.pi * min(1, (position - _WARM_UP) / (1 - _WARM_UP)))) / 2
