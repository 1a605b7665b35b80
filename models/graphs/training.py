"""Trains a graph network: a step embeds a graph, or what is drawn of it, and learns from pairs.

All that is drawn depends on seed, epoch and step alone, so that a training that was killed goes on
to the same numbers from its weights and Adam's moments.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from torch import Tensor

from ..reproducible import reproducible
from ..training.state import Place, TrainingState
from ..training.stepping import under
from .encoder import GraphEncoder
from .graph import Graph
from .pair_sampling import PairSampler
from .schedule import GraphSchedule
from .stepping import GraphStepper


class GraphStep(NamedTuple):
    """Where training stands."""

    epoch: int  # from 1
    epochs: int
    step: int  # taken in the epoch
    steps: int
    loss: float  # mean of the epoch so far


Judge = Callable[[GraphEncoder, int], dict[str, float]]
Rows = list[dict[str, Any]]


class GraphTraining:
    """One training of one network on the training edges of a graph."""

    def __init__(
        self,
        model: GraphEncoder,
        train: Graph,
        schedule: GraphSchedule,
        seed: int,
        choose: str | None = None,
    ) -> None:
        """`choose` is the figure of `judge` whose best epoch is kept; without it, the last is."""
        if not train.n_edges:
            raise ValueError("there are no training edges: give more data, or a lower K")
        if schedule.fanouts and len(schedule.fanouts) != model.config.layers:
            raise ValueError(
                f"{len(schedule.fanouts)} fan-outs for {model.config.layers} layers: give one each"
            )
        if schedule.members > 1:
            _check_apart(model, schedule.members)
        self.model, self.schedule, self._seed = model, schedule, seed
        self._choose = choose
        self._best: dict[str, Tensor] = {}  # weights of the best row so far
        self._sampler = PairSampler(train, schedule, seed)
        self._stepper = GraphStepper(model, schedule, self._sampler)

    def fit(
        self,
        judge: Judge,
        progress: Callable[[GraphStep], None],
        clock: Callable[[], float],
        state: TrainingState | None = None,
    ) -> Rows:
        """Run the epochs; gives each one's loss, seconds (judging apart) and what `judge` says.

        With `state` the run goes on from what is kept there, and keeps itself there.

        Raises:
            FloatingPointError: the loss is no longer finite.
        """
        with reproducible(self._seed, self.schedule.threads):
            at = self._resumed(state)
            while at.epoch <= self.schedule.epochs:
                self._run(at, progress, clock, state)
                self.model.eval()
                told = {"loss": at.summed / at.step, "seconds": round(at.seconds, 3)}
                metrics = judge(self.model, at.epoch)
                row = {"epoch": at.epoch, **told, "metrics": metrics}
                at.epochs.append(row)
                if self._choose is not None and best_row(at.epochs, self._choose) is row:
                    weights = self.model.state_dict()
                    self._best = {name: w.detach().clone() for name, w in weights.items()}
                at.epoch, at.step, at.summed, at.seconds = at.epoch + 1, 0, 0.0, 0.0
                if state is not None:
                    state.write(at, self._tensors())
            if self._best:
                self.model.load_state_dict(self._best)
            return at.epochs

    def _run(
        self,
        at: Place,
        progress: Callable[[GraphStep], None],
        clock: Callable[[], float],
        state: TrainingState | None,
    ) -> None:
        """Take what steps of the epoch are left."""
        began = saved = clock()
        began -= at.seconds
        for loss, steps in self.steps(at.epoch, at.step):
            at.summed += loss
            at.step += 1
            at.done += 1
            if not math.isfinite(at.summed):
                raise FloatingPointError(
                    f"the loss is not finite in epoch {at.epoch}, step {at.step}: lower the "
                    f"learning rate ({self.schedule.learning_rate})"
                )
            mean = at.summed / at.step
            progress(GraphStep(at.epoch, self.schedule.epochs, at.step, steps, mean))
            now = clock()
            at.seconds = now - began
            if state is not None and now - saved >= state.every and at.step < steps:
                state.write(at, self._tensors())
                saved = now

    def steps(self, epoch: int, first: int = 0) -> Iterator[tuple[float, int]]:
        """Take the steps of an epoch; gives each one's loss, and how many there are in all."""
        drawn = self._sampler.epoch(epoch)
        self._stepper.begin(drawn)
        self.model.train()
        for step in range(first, drawn.steps):
            yield self._stepper.take(drawn, epoch, step), drawn.steps

    def _tensors(self) -> dict[str, Tensor]:
        found = {f"model.{name}": w for name, w in self.model.state_dict().items()}
        best = {f"best.{name}": w for name, w in self._best.items()}
        return {**found, **best, **self._stepper.moments(), "told": self._sampler.told}

    def _resumed(self, state: TrainingState | None) -> Place:
        kept = None if state is None else state.read()
        if kept is None:
            return Place()
        at, tensors = kept
        self.model.load_state_dict(under("model.", tensors))
        self._stepper.restore_moments(tensors)
        self._sampler.told = tensors["told"]
        self._best = under("best.", tensors)
        return at


def _check_apart(model: GraphEncoder, members: int) -> None:
    """Refuse members whose columns would mix."""
    config = model.config
    apart = model.architecture == "lightgcn" and config.alpha == "fixed" and not config.normalise
    if not apart or config.width % members:
        raise ValueError(
            f"{members} members in a {model.architecture} of width {config.width}, alpha "
            f"{config.alpha}, normalised: {config.normalise}; expected a lightgcn of fixed alpha, "
            f"not normalised, and a width that {members} divides"
        )


def best_row(rows: Rows, figure: str) -> dict[str, Any] | None:
    """Give the judged row of the highest figure, the first of equals; None if none was judged."""
    judged = [row for row in rows if figure in row["metrics"]]
    return max(judged, key=lambda row: float(row["metrics"][figure]), default=None)
