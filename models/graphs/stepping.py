"""Steps of a graph network's training: pairs are drawn, nodes embedded, weights moved."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim import Optimizer

from ..training.schedule import share_of_top
from ..training.stepping import under
from .adjacency import Adjacency
from .encoder import GraphEncoder
from .graph import Graph, Ints
from .losses import batch_loss
from .neighbours import NeighbourSampler
from .pair_sampling import Drawn, PairSampler
from .schedule import GraphSchedule


class GraphStepper:
    """One network and what moves its weights.

    With fan-outs only what a step draws is embedded, and only those embeddings move: lazy Adam, as
    moments of all nodes would take as long as a pass over the whole graph.
    """

    def __init__(self, model: GraphEncoder, schedule: GraphSchedule, sampler: PairSampler) -> None:
        self._model, self._schedule, self._sampler = model, schedule, sampler
        rate, own = schedule.learning_rate, model.embedding
        if schedule.fanouts:
            rest = [w for w in model.parameters() if w is not own]
            self._optimisers: list[Optimizer] = [torch.optim.SparseAdam([own], lr=rate)]
            if rest:
                self._optimisers.append(torch.optim.Adam(rest, lr=rate, fused=True))
        else:
            self._optimisers = [torch.optim.Adam(model.parameters(), lr=rate, fused=True)]
        self._messages: Graph | None = None
        self._adjacency: Adjacency
        self._neighbours: NeighbourSampler | None = None

    def begin(self, drawn: Drawn) -> None:
        """Make an epoch's matrix; it is made once if messages always pass along the same edges."""
        if drawn.messages is self._messages:
            return
        self._messages, half_life = drawn.messages, self._schedule.half_life
        weights = None if half_life is None else self._messages.recency(half_life)
        found = Adjacency.of(self._messages, weights)
        if self._schedule.fanouts:
            self._neighbours = NeighbourSampler(found, self._schedule.fanouts)
        self._adjacency = found.to(self._model.embedding.device)

    def take(self, drawn: Drawn, epoch: int, step: int) -> float:
        """Learn from one batch; gives its loss, the penalty included."""
        rng = self._sampler.generator(epoch, step)
        torch.manual_seed(int(rng.integers(1 << 62)))  # for dropout
        playlists, tracks = self._sampler.positives(drawn, step, rng)
        whole = None if self._neighbours else self._model(self._adjacency)  # (n, D)
        seen = None if whole is None else whole.detach()
        position = (epoch - 1 + step / drawn.steps) / self._schedule.epochs
        wrong = self._sampler.negatives(playlists, tracks, seen, position, rng)
        shift = drawn.messages.n_playlists
        nodes = np.concatenate([playlists, tracks + shift, wrong + shift])
        rate = self._schedule.learning_rate * share_of_top(self._schedule.shape, position)
        for optimiser in self._optimisers:
            optimiser.param_groups[0]["lr"] = rate
            optimiser.zero_grad()
        if whole is None:
            value = self._learn_around(nodes, len(playlists), rng)
        else:
            value = self._learn(whole, torch.from_numpy(nodes).to(whole.device), len(playlists))
        for optimiser in self._optimisers:
            optimiser.step()
        return value

    def moments(self) -> dict[str, Tensor]:
        """Give what the next step depends on besides the weights; live, not copies."""
        return {
            f"adam.{place}.{number}.{name}": value
            for place, optimiser in enumerate(self._optimisers)
            for number, values in optimiser.state_dict()["state"].items()
            for name, value in ((key, torch.as_tensor(kept)) for key, kept in values.items())
        }

    def restore_moments(self, tensors: Mapping[str, Tensor]) -> None:
        """Go back to what `moments` gave."""
        for place, optimiser in enumerate(self._optimisers):
            state: dict[int, dict[str, Tensor | int]] = {}
            for name, tensor in under(f"adam.{place}.", tensors).items():
                number, _, field = name.partition(".")
                # SparseAdam counts its steps as a number, Adam as a tensor.
                sparse = isinstance(optimiser, torch.optim.SparseAdam) and field == "step"
                state.setdefault(int(number), {})[field] = int(tensor) if sparse else tensor
            groups = optimiser.state_dict()["param_groups"]
            optimiser.load_state_dict({"state": state, "param_groups": groups})

    def _learn(self, whole: Tensor, nodes: Tensor, pairs: int) -> float:
        # One look-up: the gradient of each is a matrix as large as the embedding.
        rows = F.embedding(nodes, whole).chunk(3)  # (B, D) each
        loss = batch_loss(self._schedule.loss, *rows, members=self._schedule.members)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.item() + self._penalised(nodes, pairs)

    @torch.no_grad()
    def _penalised(self, nodes: Tensor, pairs: int) -> float:
        """Add the gradient of decay / 2 times the squared norm of the nodes' own embeddings.

        By hand, since only the batch's rows have one; gives its value. LightGCN's authors sum it
        over the three nodes of a pair and average over the pairs.
        """
        own, gradient = self._model.embedding, self._model.embedding.grad
        if not self._schedule.decay or gradient is None:
            return 0.0
        rows = own[nodes]  # (3 B, D)
        gradient.index_add_(0, nodes, rows, alpha=self._schedule.decay / pairs)
        return self._schedule.decay / 2 * float(rows.square().sum()) / pairs

    def _learn_around(self, nodes: Ints, pairs: int, rng: np.random.Generator) -> float:
        """Embed the pairs' nodes from neighbours that are drawn around them."""
        assert self._neighbours is not None
        seeds, places = np.unique(nodes, return_inverse=True)
        around = self._neighbours.around(seeds, rng)
        device, model = self._model.embedding.device, self._model
        x = model.initial_of(torch.from_numpy(around.nodes).to(device))  # (s, D)
        embedded = model.scaled(model.propagate(x, around.adjacency.to(device)))
        at = torch.from_numpy(places).to(device)
        rows = F.embedding(at, embedded).chunk(3)  # (B, D) each
        loss = batch_loss(self._schedule.loss, *rows, members=self._schedule.members)
        penalty = self._schedule.decay / 2 * F.embedding(at, x).square().sum() / pairs
        total = loss + penalty
        total.backward()  # type: ignore[no-untyped-call]
        return total.item()
