"""One optimisation of one encoder: epochs, the best weights kept, stopping, going on after a kill.

What an epoch's steps learn from, and what "best" means, are the caller's to say; how a step is
taken is in stepping.py.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from ..encoders.encoder import Encoder
from ..losses.loss import LossConfig
from .schedule import EPOCHS, Schedule
from .state import Place, TrainingState
from .stepping import Stepper, under

logger = logging.getLogger(__name__)


class Step(NamedTuple):
    """Where training stands."""

    done: int  # steps
    total: int
    epoch: int  # from 1
    loss: float  # mean of the epoch so far
    valid: float | None  # newest validation figure, None before the first


@dataclass
class Trained:
    """The best model of a run, in evaluation mode, and how the run went."""

    model: Encoder
    losses: list[float] = field(default_factory=list)  # mean of each epoch
    valid: list[float] = field(default_factory=list)  # schedule.select_by after each, if validated
    best_epoch: int = 0  # from 1; the one the weights are of
    seconds: float = 0.0  # of training, those before an interruption among them


Progress = Callable[[Step], None]


class Optimisation:
    """One optimisation of one model."""

    def __init__(
        self,
        stepper: Stepper,
        loss: LossConfig,
        schedule: Schedule,
        stepped: Callable[[], None] | None = None,
    ) -> None:
        """Prepare; `stepped` is called after each step."""
        self.loss = loss
        self.schedule = schedule
        self.stepper = stepper
        self.replicas = stepper.replicas
        self._stepped = stepped or (lambda: None)
        self._order = self.generator.get_state()  # before the epoch's batches were drawn
        self._best: dict[str, Tensor] = {}

    @property
    def generator(self) -> torch.Generator:
        """What batches and negatives are drawn with."""
        return self.stepper.generator

    def fit(
        self,
        draw: Callable[[], Iterator[Tensor]],
        validate: Callable[[Encoder], float] | None,
        progress: Progress,
        clock: Callable[[], float],
        state: TrainingState | None = None,
    ) -> Trained:
        """Run the epochs, each over the steps that `draw` gives, and keep the best weights.

        `draw` depends on nothing but `generator`. With `state` the run goes on from what is kept
        there, and keeps itself there; on a CPU it ends with the same numbers as one without a stop.
        """
        at = self._resumed(state)
        began = saved = clock()
        began -= at.seconds
        limit = self.schedule.seconds or math.inf
        epochs = self.schedule.epochs or EPOCHS
        total = at.done
        while not at.over:
            drawn = self._drawn(draw, at)
            total = len(drawn) * epochs
            self.stepper.model.train()
            for chosen in drawn[at.step :]:
                now = clock()
                elapsed = (now - began) / limit
                if self.schedule.seconds is not None:
                    elapsed = self.replicas.agreed(elapsed)
                at.summed += self.stepper.take(chosen, max(at.done / total, elapsed))
                self._stepped()
                at.step += 1
                at.done += 1
                if not math.isfinite(at.summed):
                    raise FloatingPointError(self._broken(f"the loss is {at.summed}", at, total))
                valid = at.valid[-1] if at.valid else None
                progress(Step(at.done, total, at.epoch, at.summed / at.step, valid))
                at.over = elapsed >= 1
                if at.over:
                    break
                if state is None or at.step == len(drawn):
                    continue
                if self.replicas.agreed(now - saved) >= state.every:
                    self._keep(state, at, now - began)
                    saved = now
            self._end_epoch(at, validate, total)
            at.over |= at.epoch > epochs or at.epoch - 1 - at.best_epoch >= self.schedule.patience
            if state is not None:
                saved = clock()
                self._keep(state, at, saved - began)
        model = self.stepper.model
        model.load_state_dict(self._best)
        model.eval()
        logger.info("trained %d of %d steps, best epoch %d", at.done, total, at.best_epoch)
        return Trained(model, at.losses, at.valid, at.best_epoch, clock() - began)

    def _drawn(self, draw: Callable[[], Iterator[Tensor]], at: Place) -> list[Tensor]:
        """Draw the epoch's batches; in a resumed epoch, those it began with."""
        if not at.step:
            self._order = self.replicas.same(self.generator.get_state())
            self.generator.set_state(self._order)
            return list(draw())
        now = self.generator.get_state()
        self.generator.set_state(self._order)
        drawn = list(draw())
        self.generator.set_state(now)
        return drawn

    def _end_epoch(
        self, at: Place, validate: Callable[[Encoder], float] | None, total: int
    ) -> None:
        """Validate, keep the weights if they are the best so far, and go to the next epoch."""
        if not self.stepper.finite():
            raise FloatingPointError(self._broken("weights are not finite", at, total))
        at.losses.append(at.summed / at.step)
        if validate is not None:
            found = validate(self.stepper.model) if self.replicas.first else 0.0
            at.valid.append(self.replicas.agreed(found))
        if validate is None or at.valid[-1] >= max(at.valid):
            at.best_epoch = at.epoch
            self._best = {
                name: weights.clone() for name, weights in self.stepper.model.state_dict().items()
            }
        at.epoch, at.step, at.summed = at.epoch + 1, 0, 0.0

    def _keep(self, state: TrainingState, at: Place, seconds: float) -> None:
        at.seconds = seconds
        best = {f"best.{name}": weights for name, weights in self._best.items()}
        tensors = {**self.stepper.tensors(), **best, "order": self._order}
        if self.replicas.first:
            state.write(at, tensors)

    def _resumed(self, state: TrainingState | None) -> Place:
        kept = None if state is None else state.read()
        if kept is None:
            return Place()
        at, tensors = kept
        self.stepper.restore(tensors)
        device = self.stepper.device
        self._best = {name: found.to(device) for name, found in under("best.", tensors).items()}
        self._order = tensors["order"]
        logger.info("training goes on in epoch %d, after %d steps", at.epoch, at.done)
        return at

    def _broken(self, what: str, at: Place, total: int) -> str:
        return (
            f"{what} at step {at.done} of {total}; lower the learning rate "
            f"({self.schedule.learning_rate}) or raise the temperature ({self.loss.temperature})"
        )
