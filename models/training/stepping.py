"""Steps of an optimisation, and all that changes with a step: weights, Adam's moments, randomness.

Which rows a step learns from, and when training ends, are optimisation.py's to say.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..encoders.encoder import Encoder
from ..losses.loss import LossConfig
from ..losses.objective import batch_loss
from ..sampling import NegativeSampler, Rows
from .replicas import ALONE, Replicas
from .schedule import Schedule, share_of_top


class Stepper(ABC):
    """One model, what moves its weights, and the random draws of both."""

    def __init__(
        self, model: Encoder, schedule: Schedule, seed: int, replicas: Replicas = ALONE
    ) -> None:
        self.model = model
        self.replicas = replicas
        self.generator = torch.Generator().manual_seed(seed)
        self._schedule = schedule

    @abstractmethod
    def take(self, chosen: Tensor, position: float) -> float:
        """Step once on what is chosen, at a position in [0, 1] of the run; gives the loss."""

    @abstractmethod
    def moments(self) -> dict[str, Tensor]:
        """Give what the next step depends on besides weights and randomness; live, not copies."""

    @abstractmethod
    def restore_moments(self, tensors: Mapping[str, Tensor]) -> None:
        """Go back to what `moments` gave."""

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.model.item_embedding.weight.device

    def rate(self, position: float) -> float:
        """Give the learning rate at a position in [0, 1] of the run."""
        return self._schedule.learning_rate * share_of_top(self._schedule.shape, position)

    def finite(self) -> bool:
        """Whether every weight is a number."""
        return all(bool(weights.isfinite().all()) for weights in self.model.parameters())

    def tensors(self) -> dict[str, Tensor]:
        """Give all that the next step depends on; the tensors are live, not copies."""
        found = {f"model.{name}": weights for name, weights in self.model.state_dict().items()}
        found |= {f"optimiser.{name}": tensor for name, tensor in self.moments().items()}
        states = {"generator": self.generator.get_state(), "torch": torch.get_rng_state()}
        if self.device.type == "cuda":
            states["cuda"] = torch.cuda.get_rng_state(self.device)
        for name, state in states.items():  # (P, ...): every replica draws for itself
            found[f"random.{name}"] = self.replicas.gathered(state)
        return found

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Go back to what `tensors` gave."""
        self.model.load_state_dict(under("model.", tensors))
        self.restore_moments(under("optimiser.", tensors))
        # Copies: a generator reads a view of the others' states as if it were the first.
        states = {
            name: found[self.replicas.number].clone()
            for name, found in under("random.", tensors).items()
        }
        self.generator.set_state(states["generator"])
        torch.set_rng_state(states["torch"])
        if "cuda" in states and self.device.type == "cuda":
            torch.cuda.set_rng_state(states["cuda"], self.device)


class RowStepper(Stepper):
    """Steps on batches of rows, all positions of a row in one pass, by AdamW."""

    def __init__(
        self,
        model: Encoder,
        loss: LossConfig,
        schedule: Schedule,
        seed: int,
        rows: Rows,
        sampler: NegativeSampler,
        replicas: Replicas = ALONE,
    ) -> None:
        super().__init__(model, schedule, seed, replicas)
        self._loss = loss
        self._rows, self._lengths = rows.to(self.device), rows.lengths().cpu()
        self._sampler = sampler
        self._optimiser = torch.optim.AdamW(
            model.parameters(),
            lr=schedule.learning_rate,
            betas=schedule.betas,
            weight_decay=schedule.weight_decay,
            fused=True,
        )

    def take(self, chosen: Tensor, position: float) -> float:
        """Step once on the chosen rows, at a position in [0, 1] of the run; gives the loss.

        Of several replicas each learns from its share; the batch is cut to its longest row.
        """
        share = self.replicas.share(chosen)
        targets = float((self._lengths[share] - 1).sum())
        # A share may be empty: a row that counts for nothing stands in for it.
        share = share if len(share) else chosen[:1]
        batch = self._rows.take(share, int(self._lengths[share].max()))
        for group in self._optimiser.param_groups:
            group["lr"] = self.rate(position)
        value = batch_loss(self.model, batch, self._loss, self.generator, self._sampler)
        self._optimiser.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        gradients = [w.grad for w in self.model.parameters() if w.grad is not None]
        mean = self.replicas.average(gradients, float(value.detach()), targets)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self._schedule.clip)
        self._optimiser.step()
        return mean

    def moments(self) -> dict[str, Tensor]:
        """Give Adam's moments."""
        return {
            f"{number}.{name}": value
            for number, moments in self._optimiser.state_dict()["state"].items()
            for name, value in moments.items()
        }

    def restore_moments(self, tensors: Mapping[str, Tensor]) -> None:
        """Go back to what `moments` gave."""
        state: dict[int, dict[str, Any]] = {}
        for name, value in tensors.items():
            number, _, moment = name.partition(".")
            state.setdefault(int(number), {})[moment] = value
        groups = self._optimiser.state_dict()["param_groups"]
        self._optimiser.load_state_dict({"state": state, "param_groups": groups})


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give the tensors whose names begin with `prefix`, without it."""
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }
