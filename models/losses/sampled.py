"""Scores of targets and shared negatives, and a loss over them, without a trace for autograd.

The output layer over thousands of tracks is most of a training step. Here its loss and both
gradients are made in one pass over chunks of rows, as the full softmax's are (loss.py).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction, once_differentiable

from .loss import SURE, Emphasis
from .ranking import Ranking, value_and_gradient

_CHUNK = 1 << 18  # scores held at once on the CPU: what the losses make of them stays in its cache
_CHUNK_GPU = 1 << 28


class Compared(NamedTuple):
    """What each row is asked: its target against the current track and the shared negatives."""

    targets: Tensor  # (n,)
    current: Tensor  # (n,) always a negative, unless it is the target, or 0
    negatives: Tensor  # (K,) may hold targets and repeats
    # Taken off the scores of a softmax, for how likely each was to be here (next_track.py).
    own_offsets: Tensor | None = None  # (n, 2) of target and current
    offsets: Tensor | None = None  # (K,)


def sampled_loss(
    states: Tensor,
    matrix: Tensor,
    compared: Compared,
    ranking: Ranking,
    emphasis: Emphasis | None = None,
) -> Tensor:
    """Mean loss over rows: (n, D), (N + 1, D) -> scalar.

    The current track is a negative of its row always: with tied embeddings the encoder's output
    leans to its own input, drawn negatives hardly ever contain it, and left out it ends at rank 1
    (on 30Music that took MRR from .215 to .167). A negative that is the row's target counts once,
    as the target; one that is the current track once, as that.
    """
    if not len(compared.targets):
        return (states.sum() + matrix.sum()) * 0
    result: Tensor = _SampledLoss.apply(states, matrix, compared, ranking, emphasis)
    return result


class _SampledLoss(torch.autograd.Function):
    """Loss and both gradients in one pass over chunks of rows, in fp32."""

    @staticmethod
    def forward(
        ctx: BackwardCFunction,
        states: Tensor,
        matrix: Tensor,
        compared: Compared,
        ranking: Ranking,
        emphasis: Emphasis | None,
    ) -> Tensor:
        n, k = len(compared.targets), len(compared.negatives)
        size = max(1, (_CHUNK_GPU if states.is_cuda else _CHUNK) // (2 + k))
        own = torch.stack([compared.targets, compared.current], dim=1)  # (n, 2)
        negatives = compared.negatives.int()  # half the bytes to compare
        weights = matrix.float()
        shared = weights[compared.negatives]  # (K, D)
        d_states = torch.empty_like(states, dtype=torch.float32)
        d_own = weights.new_empty(n, 2, weights.shape[1])
        d_shared = torch.zeros_like(shared)
        total = weights.new_zeros(())
        for start in range(0, n, size):
            rows = slice(start, start + size)
            inputs, pair = states[rows].float(), own[rows]
            ours = weights[pair]  # (c, 2, D)
            scores = inputs.new_empty(len(inputs), 2 + k)
            torch.mm(inputs, shared.T, out=scores[:, 2:])
            scores[:, :2] = torch.bmm(ours, inputs.unsqueeze(2)).squeeze(2)
            if compared.own_offsets is not None:
                scores[:, 0] -= compared.own_offsets[rows, 0]
            log_weight = _log_weight(pair, negatives, compared, rows)
            some = None if emphasis is None else Emphasis(*(part[rows] for part in emphasis))
            value, slope = summed(ranking, scores, log_weight, some)
            total += value
            torch.mm(slope[:, 2:], shared, out=d_states[rows])
            d_states[rows] += torch.bmm(slope[:, None, :2], ours).squeeze(1)
            torch.mul(slope[:, :2, None], inputs[:, None], out=d_own[rows])
            d_shared.addmm_(slope[:, 2:].T, inputs)
        d_weights = torch.zeros_like(weights)
        d_weights.index_add_(0, compared.negatives, d_shared)
        d_weights.index_add_(0, own.view(-1), d_own.view(2 * n, -1))
        count = n if emphasis is None else emphasis.divisor()
        d_states, d_weights = d_states / count, d_weights / count
        ctx.save_for_backward(d_states.to(states.dtype), d_weights.to(matrix.dtype))
        return total / count

    @staticmethod
    @once_differentiable
    def backward(ctx: BackwardCFunction, gradient: Tensor) -> tuple[Tensor | None, ...]:
        d_states, d_matrix = list(ctx.saved_tensors)
        return d_states * gradient, d_matrix * gradient, None, None, None


def summed(
    ranking: Ranking, scores: Tensor, log_weight: Tensor, emphasis: Emphasis | None
) -> tuple[Tensor, Tensor]:
    """Give the sum over rows and its gradient, as `value_and_gradient` takes and gives them."""
    values, slope = value_and_gradient(ranking, scores, log_weight)
    if emphasis is None:
        return values.sum(), slope
    p = (-values).exp().clamp(max=SURE)  # of the target, where the loss is a softmax's
    slope.mul_((emphasis.weights - emphasis.against * p / (1 - p))[:, None])
    return emphasis.weights @ values - emphasis.against @ torch.log1p(-p), slope


def _log_weight(own: Tensor, negatives: Tensor, compared: Compared, rows: slice) -> Tensor:
    """Give the log weights of current track and negatives, (c, 2), (K,) int32 -> (c, 1 + K)."""
    target, current = own[:, :1].int(), own[:, 1:].int()
    weight = torch.zeros(len(own), 1 + len(negatives), device=own.device)
    if compared.own_offsets is not None:
        weight[:, 0] = -compared.own_offsets[rows, 1]
    if compared.offsets is not None:
        weight[:, 1:] = -compared.offsets
    weight[:, :1].masked_fill_((current == target) | (current == 0), -torch.inf)
    weight[:, 1:].masked_fill_((negatives == target) | (negatives == current), -torch.inf)
    return weight


class Candidates(NamedTuple):
    """The same comparison with every track in one column: C of them, which each row weighs."""

    items: Tensor  # (C,) all different, in order
    target: Tensor  # (n,) columns
    current: Tensor  # (n,)
    log_weight: Tensor  # (n, C) as negatives: how many times each counts, less its correction


def candidates(compared: Compared) -> Candidates:
    """Gather what is drawn twice, or is another row's target, in one column.

    The losses are the same; a table's rows are read once, and their gradients need no adding up.
    """
    n = len(compared.targets)
    occurring = torch.cat([compared.targets, compared.current, compared.negatives])
    items, place = torch.unique(occurring, return_inverse=True)
    target, current, drawn = place.split([n, n, len(compared.negatives)])
    times = None if compared.offsets is None else (-compared.offsets).exp()
    weight = torch.bincount(drawn, times, minlength=len(items)).float()  # (C,)
    log_weight = weight.log().repeat(n, 1)
    rows = torch.arange(n, device=items.device)
    log_weight[rows, current] = 0.0  # once, however often it was drawn
    if compared.own_offsets is not None:
        log_weight[rows, current] -= compared.own_offsets[:, 1]
    log_weight[rows, target] = -torch.inf
    return Candidates(items, target, current, log_weight)
