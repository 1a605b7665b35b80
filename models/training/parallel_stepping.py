"""Steps of session-parallel training, as GRU4Rec takes them: one occurrence of each slot, its next
track against shared negatives, and no gradient into the past (Hidasi et al., arXiv:1511.06939).

What a step costs is the output layer over the negatives and the rows of its table, so neither goes
through autograd, and only rows that were looked up move.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ..encoders.gru4rec import GRU4Rec
from ..losses.loss import Emphasis, LossConfig
from ..losses.next_track import compare, ranking_of
from ..losses.sampled import Candidates, Compared, candidates, summed
from ..sampling import NegativeSampler
from .adagrad import Adagrad
from .schedule import Schedule
from .session_parallel import ParallelSteps
from .stepping import Stepper

_SCORED = "item_embedding.weight"
_BIAS = "item_bias"


class ParallelStepper(Stepper):
    """A GRU4Rec, the hidden state of every slot, and Adagrad."""

    model: GRU4Rec

    def __init__(
        self,
        model: GRU4Rec,
        loss: LossConfig,
        schedule: Schedule,
        seed: int,
        steps: ParallelSteps,
        sampler: NegativeSampler,
    ) -> None:
        """Prepare to learn from `steps`, the negatives drawn from `sampler`.

        Raises:
            ValueError: the loss needs more of a session than two occurrences.
        """
        if loss.name == "skip-contrastive":
            raise ValueError(
                "loss skip-contrastive needs whole sessions, session-parallel steps see two "
                "occurrences: give another loss, or schedule.mode=all-positions"
            )
        super().__init__(model, schedule, seed)
        self._loss, self._sampler = loss, sampler
        self._ranking = ranking_of(loss, model.config.items)
        self._steps = steps.to(self.device)
        learned = {name: w for name, w in model.named_parameters() if w.requires_grad}
        self._adagrad = Adagrad(learned, schedule.momentum, schedule.weight_decay)
        # The table that inputs are looked up in, by name; None where they are features.
        self._looked_up = next((n for n, w in learned.items() if w is model.input_table), None)
        by_row = (_SCORED, _BIAS, self._looked_up)
        self._whole = {name: w for name, w in learned.items() if name not in by_row}
        shape = model.config.layers, steps.items.shape[1], model.config.width
        self._hidden = torch.zeros(shape, device=self.device)  # (L, B, D)

    def take(self, chosen: Tensor, position: float) -> float:
        """Take the chosen step, (1,), of the schedule; gives the loss.

        In the last steps some slots have no session left: they are of the others alone.
        """
        step = int(chosen)
        busy = self._steps.busy(step)
        items, outcomes, targets, ends, begins, _ = (
            part[step].index_select(0, busy) for part in self._steps
        )
        compared = compare(targets.long(), items.long(), self._loss, self._sampler, self.generator)
        asked = candidates(compared)
        matrix = self.model.item_embedding.weight.detach().index_select(0, asked.items)  # (C, D)
        if self._looked_up == _SCORED:
            looked_up = matrix.index_select(0, asked.current)
        else:
            looked_up = self.model.look_up(items.long()).detach()
        looked_up.requires_grad_(self._looked_up is not None)  # (b, I')

        hidden = self._hidden.index_select(1, busy).masked_fill_(begins[:, None], 0)  # (L, b, D)
        states, hidden = self.model.step(looked_up, outcomes.long(), hidden)
        self._hidden.index_copy_(1, busy, hidden.detach())
        emphasis = self._loss.emphasis(ends.long())
        with torch.no_grad():
            value, slope = self._scored(states, matrix, asked, compared, emphasis)
            d_states, d_matrix = slope @ matrix, slope.T @ states
        for weights in self._whole.values():
            weights.grad = None
        states.backward(d_states)  # type: ignore[no-untyped-call]

        by_row = {_SCORED: (asked.items, d_matrix)}
        if self.model.item_bias is not None:
            by_row[_BIAS] = (asked.items, slope.sum(dim=0))
        if self._looked_up is not None and looked_up.grad is not None:
            if self._looked_up == _SCORED:
                d_matrix.index_add_(0, asked.current, looked_up.grad)
            else:
                read, place = torch.unique(items.long(), return_inverse=True)
                d_read = looked_up.new_zeros(len(read), looked_up.shape[1])
                by_row[self._looked_up] = read, d_read.index_add_(0, place, looked_up.grad)
        with torch.no_grad():
            self._move(by_row, self.rate(position))
        return float(value)

    def moments(self) -> dict[str, Tensor]:
        """Give Adagrad's sums and every slot's hidden state."""
        return {"hidden": self._hidden, **self._adagrad.tensors()}

    def restore_moments(self, tensors: Mapping[str, Tensor]) -> None:
        """Go back to what `moments` gave."""
        self._hidden.copy_(tensors["hidden"])
        self._adagrad.restore(tensors)

    def _scored(
        self,
        states: Tensor,
        matrix: Tensor,
        asked: Candidates,
        compared: Compared,
        emphasis: Emphasis | None,
    ) -> tuple[Tensor, Tensor]:
        """Give the mean loss and its gradient by the scores: (b, D), (C, D) -> scalar, (b, C)."""
        scores = states.new_empty(len(states), 1 + len(matrix))
        torch.mm(states, matrix.T, out=scores[:, 1:])
        if self.model.item_bias is not None:
            scores[:, 1:] += self.model.item_bias.index_select(0, asked.items)
        target = asked.target[:, None] + 1
        scores[:, :1] = scores.gather(1, target)
        if compared.own_offsets is not None:
            scores[:, 0] -= compared.own_offsets[:, 0]
        value, slope = summed(self._ranking, scores, asked.log_weight, emphasis)
        slope.scatter_(1, target, slope[:, :1].clone())
        count = len(states) if emphasis is None else emphasis.divisor()
        return value / count, slope[:, 1:] / count

    def _move(self, by_row: Mapping[str, tuple[Tensor, Tensor]], rate: float) -> None:
        """Move all weights that the step has used, their gradients clipped together."""
        whole = {name: w.grad for name, w in self._whole.items() if w.grad is not None}
        gradients = [*whole.values(), *(gradient for _, gradient in by_row.values())]
        norms = [torch.linalg.vector_norm(gradient) for gradient in gradients]
        norm = torch.linalg.vector_norm(torch.stack(norms))
        if norm > self._schedule.clip:
            torch._foreach_mul_(gradients, float(self._schedule.clip / norm))
        self._adagrad.update(whole, rate)
        for name, (rows, gradient) in by_row.items():
            self._adagrad.update_rows(name, rows, gradient, rate)
