"""Trains a graph network: a step embeds the whole graph and learns from a batch of pairs.

All that is drawn depends on seed, epoch and step alone, so that a training that was killed goes on
to the same numbers from its weights and Adam's moments.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .adjacency import Adjacency
from .graph import Graph
from .graph_encoder import GraphEncoder
from .graph_losses import batch_loss
from .graph_schedule import GraphSchedule
from .pair_sampling import Drawn, PairSampler
from .reproducible import reproducible
from .stepping import under
from .training_state import Place, TrainingState


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
        self, model: GraphEncoder, train: Graph, schedule: GraphSchedule, seed: int
    ) -> None:
        if not train.n_edges:
            raise ValueError("there are no training edges: give more data, or a lower K")
        self.model, self.schedule, self._seed = model, schedule, seed
        self._train = train
        self._sampler = PairSampler(train, schedule, seed)
        self._adam = torch.optim.Adam(model.parameters(), lr=schedule.learning_rate, fused=True)
        self._adjacency: Adjacency | None = None

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
                at.epochs.append({"epoch": at.epoch, **told, "metrics": metrics})
                at.epoch, at.step, at.summed, at.seconds = at.epoch + 1, 0, 0.0, 0.0
                if state is not None:
                    state.write(at, self._tensors())
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
        adjacency = self._propagated(drawn.messages)
        self.model.train()
        for step in range(first, drawn.steps):
            yield self._step(drawn, adjacency, epoch, step), drawn.steps

    def _step(self, drawn: Drawn, adjacency: Adjacency, epoch: int, step: int) -> float:
        """Learn from one batch; gives its loss, the penalty included."""
        rng = self._sampler.generator(epoch, step)
        torch.manual_seed(int(rng.integers(1 << 62)))  # for dropout
        playlists, tracks = self._sampler.positives(drawn, step, rng)
        embedded = self.model(adjacency)
        position = (epoch - 1 + step / drawn.steps) / max(1, self.schedule.epochs)
        wrong = self._sampler.negatives(playlists, tracks, embedded.detach(), position, rng)
        shift = self._train.n_playlists
        nodes = torch.from_numpy(np.concatenate([playlists, tracks + shift, wrong + shift]))
        nodes = nodes.to(embedded.device)
        # One look-up: the gradient of each is a matrix as large as the embedding.
        left, right, other = F.embedding(nodes, embedded).chunk(3)  # (B, D) each
        loss = batch_loss(self.schedule.loss, left, right, other)
        self._adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        penalty = self._penalised(nodes, len(playlists))
        self._adam.step()
        return loss.item() + penalty

    @torch.no_grad()
    def _penalised(self, nodes: Tensor, pairs: int) -> float:
        """Add the gradient of decay / 2 times the squared norm of the nodes' own embeddings.

        By hand, since only the batch's rows have one; gives its value. LightGCN-PyTorch's form:
        summed over the three nodes of a pair, averaged over pairs.
        """
        own, gradient = self.model.embedding, self.model.embedding.grad
        if not self.schedule.decay or gradient is None:
            return 0.0
        rows = own[nodes]  # (3 B, D)
        gradient.index_add_(0, nodes, rows, alpha=self.schedule.decay / pairs)
        return self.schedule.decay / 2 * float(rows.square().sum()) / pairs

    def _propagated(self, messages: Graph) -> Adjacency:
        """Give the matrix of an epoch's messages; it is made once if they are always the same."""
        if self._adjacency is not None and messages is self._train:
            return self._adjacency
        half_life = self.schedule.half_life
        weights = None if half_life is None else messages.recency(half_life)
        self._adjacency = Adjacency.of(messages, weights).to(self.model.embedding.device)
        return self._adjacency

    def _tensors(self) -> dict[str, Tensor]:
        found = {f"model.{name}": w for name, w in self.model.state_dict().items()}
        for number, values in self._adam.state_dict()["state"].items():
            found |= {f"adam.{number}.{name}": value for name, value in values.items()}
        return {**found, "told": self._sampler.told}

    def _resumed(self, state: TrainingState | None) -> Place:
        kept = None if state is None else state.read()
        if kept is None:
            return Place()
        at, tensors = kept
        self.model.load_state_dict(under("model.", tensors))
        self._restore_moments(under("adam.", tensors))
        self._sampler.told = tensors["told"]
        return at

    def _restore_moments(self, tensors: Mapping[str, Tensor]) -> None:
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            number, _, field = name.partition(".")
            state.setdefault(int(number), {})[field] = tensor
        groups = self._adam.state_dict()["param_groups"]
        self._adam.load_state_dict({"state": state, "param_groups": groups})
