"""Steps of an optimisation, and all that changes with a step: weights, Adam's moments, randomness.

Which rows a step learns from, and when training ends, are optimisation.py's to say.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from .encoder import Encoder
from .losses import LossConfig
from .objective import batch_loss
from .sampling import NegativeSampler, Rows
from .schedule import Schedule, share_of_top


class Stepper(ABC):
    """One model, what moves its weights, and the random draws of both."""

    def __init__(self, model: Encoder, schedule: Schedule, seed: int) -> None:
        self.model = model
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
        found["random.generator"] = self.generator.get_state()
        found["random.torch"] = torch.get_rng_state()
        if self.device.type == "cuda":
            found["random.cuda"] = torch.cuda.get_rng_state(self.device)
        return found

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Go back to what `tensors` gave."""
        self.model.load_state_dict(under("model.", tensors))
        self.restore_moments(under("optimiser.", tensors))
        self.generator.set_state(tensors["random.generator"])
        torch.set_rng_state(tensors["random.torch"])
        if "random.cuda" in tensors and self.device.type == "cuda":
            torch.cuda.set_rng_state(tensors["random.cuda"], self.device)


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
    ) -> None:
        super().__init__(model, schedule, seed)
        self._loss = loss
        self._rows = rows.to(self.device)
        self._lengths = rows.lengths().cpu()
        self._sampler = sampler
        self._optimiser = torch.optim.AdamW(
            model.parameters(),
            lr=schedule.learning_rate,
            betas=schedule.betas,
            weight_decay=schedule.weight_decay,
            fused=True,
        )

    def take(self, chosen: Tensor, position: float) -> float:
        """Step once on the chosen rows, at a position in [0, 1] of the run; gives the loss."""
        longest = int(self._lengths[chosen].max())  # what is padding in all of them is left out
        chosen = chosen.to(self.device)
        batch = Rows(*(part[chosen, :longest] for part in self._rows))
        for group in self._optimiser.param_groups:
            group["lr"] = self.rate(position)
        value = batch_loss(self.model, batch, self._loss, self.generator, self._sampler)
        self._optimiser.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self._schedule.clip)
        self._optimiser.step()
        return float(value.detach())

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
