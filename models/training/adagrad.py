"""Adagrad with momentum (Duchi et al., 2011), on whole tensors and on single rows of tables.

Row updates touch what a step has looked up and nothing else: of ten thousand tracks a step with two
thousand negatives moves a fifth.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

_LEAST = 1e-6  # under the root


class Adagrad:
    """Accumulators and velocities of some parameters, by name."""

    def __init__(self, weights: Mapping[str, Tensor], momentum: float, weight_decay: float) -> None:
        self._weights = {name: tensor.detach() for name, tensor in weights.items()}
        self._momentum, self._decay = momentum, weight_decay
        self._squares = {n: torch.zeros_like(w) for n, w in self._weights.items()}
        self._moving = {n: torch.zeros_like(w) for n, w in self._weights.items()}
        if not momentum:
            self._moving = {}

    def update(self, gradients: Mapping[str, Tensor], rate: float) -> None:
        """Move whole tensors."""
        for name, gradient in gradients.items():
            weight, squares = self._weights[name], self._squares[name]
            if self._decay:
                gradient = gradient.add(weight, alpha=self._decay)
            squares.addcmul_(gradient, gradient)
            step = squares.add(_LEAST).rsqrt_().mul_(gradient)
            if self._momentum:
                step = self._moving[name].mul_(self._momentum).add_(step)
            weight.sub_(step, alpha=rate)

    def update_rows(self, name: str, rows: Tensor, gradient: Tensor, rate: float) -> None:
        """Move the rows (r,), all different, of a table by their gradient (r, ...)."""
        weight, squares = self._weights[name], self._squares[name]
        if self._decay:
            gradient = gradient.add(weight.index_select(0, rows), alpha=self._decay)
        # Rows are added in: copying them in takes four times as long, and an alpha twice.
        squares.index_add_(0, rows, gradient * gradient)
        step = squares.index_select(0, rows).add_(_LEAST).rsqrt_().mul_(gradient)
        if self._momentum:
            moving = self._moving[name]
            before = moving.index_select(0, rows)
            moving.index_add_(0, rows, torch.add(step, before, alpha=self._momentum - 1))
            step.add_(before, alpha=self._momentum)
        weight.index_add_(0, rows, step.mul_(-rate))

    def tensors(self) -> dict[str, Tensor]:
        """Give what the next update depends on besides the weights; live, not copies."""
        squares = {f"squares.{name}": tensor for name, tensor in self._squares.items()}
        return squares | {f"moving.{name}": tensor for name, tensor in self._moving.items()}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Go back to what `tensors` gave."""
        for name, tensor in self.tensors().items():
            tensor.copy_(tensors[name])
