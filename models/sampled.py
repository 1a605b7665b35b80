"""Scores of targets and shared negatives, and a loss over them, without a trace for autograd.

The output layer over thousands of tracks is most of a training step. Here its loss and both
gradients are made in one pass over chunks of rows, as the full softmax's are (losses.py).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction, once_differentiable

from .losses import SURE, Emphasis
from .ranking_losses import Ranking, value_and_gradient

_CHUNK = 1 << 18  # scores held at once on the CPU: what the losses make of them stays in its cache
_CHUNK_GPU = 1 << 28


class Compared(NamedTuple):
    """What each row is asked: its target against the current track and the shared negatives."""

    targets: Tensor  # (n,)
    current: Tensor  # (n,) always a negative, unless it is the target, or 0
    negatives: Tensor  # (K,) may hold targets and repeats
    # Taken off the scores, as a correction for how likely each was to be here (sampling.py).
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
                scores[:, :2] -= compared.own_offsets[rows]
            if compared.offsets is not None:
                scores[:, 2:] -= compared.offsets
            values, slope = value_and_gradient(ranking, scores, _dead(pair.int(), negatives))
            if emphasis is None:
                total += values.sum()
            else:
                total += _emphasised(values, slope, Emphasis(*(part[rows] for part in emphasis)))
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


def _emphasised(values: Tensor, slope: Tensor, emphasis: Emphasis) -> Tensor:
    """Weigh rows: their losses are summed, (n,) -> scalar, the slopes (n, 2 + K) changed."""
    p = (-values).exp().clamp(max=SURE)  # of the target, where the loss is a softmax's
    slope.mul_((emphasis.weights - emphasis.against * p / (1 - p))[:, None])
    return emphasis.weights @ values - emphasis.against @ torch.log1p(-p)


def _dead(pair: Tensor, negatives: Tensor) -> Tensor:
    """Say which negatives do not count, (c, 2), (K,) -> (c, 1 + K), the current track first."""
    target, current = pair[:, :1], pair[:, 1:]
    dead = torch.empty(len(pair), 1 + len(negatives), dtype=torch.bool, device=pair.device)
    dead[:, :1] = (current == target) | (current == 0)
    torch.eq(negatives, target, out=dead[:, 1:])
    dead[:, 1:] |= negatives == current
    return dead
