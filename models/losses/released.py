"""The losses as the published code of Seshadri & Knees (2023) computes them, where that is not what
their paper says; for comparison with their figures, and no better than what the paper says.

Written from a description of what that code does, none of it is here. Pure functions of tensors.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from .loss import Emphasis, mean_cross_entropy
from .skip import next_true


def union_softmax(
    states: Tensor,
    matrix: Tensor,
    targets: Tensor,
    negatives: Tensor,
    emphasis: Emphasis | None = None,
) -> Tensor:
    """Mean cross entropy of the target among all targets of the batch and `negatives`, (K,).

    The paper's text (section 3.2.5) has 1,000 tracks beside one's own target: sampled.py.
    """
    if not len(targets):
        return (states.sum() + matrix.sum()) * 0
    candidates = torch.unique(torch.cat([targets, negatives]))  # (C,), sorted
    logits = states @ matrix[candidates].T
    return mean_cross_entropy(logits, torch.searchsorted(candidates, targets), emphasis)


def released_contrastive(
    context: Tensor,
    embeddings: Tensor,
    items: Tensor,
    outcomes: Tensor,
    noise_outcomes: Sequence[int],
    temperature: float = 0.1,
) -> Tensor:
    """Compute the same loss as the paper's published code does, for comparison with its figures.

    Shapes as in `skip_contrastive`, and what differs from the paper's text, as far as
    it can be seen:
    - The noise of anchor t of session b is that of session (b * T + t) mod B: other listeners'
      skips, since sessions are tiled where each should be repeated.
    - Occurrences that were not skipped stay as zero vectors: rivals whose cosine is 0.
    - Anchors that were skipped, and padding, are zero vectors too; they count in the mean.
    - An anchor with nothing heard after it has the first occurrence of its session as its positive.
    """
    batch, length, n_anchors = len(items), items.shape[1], context.shape[1]
    real = items > 0
    noise = real & torch.isin(outcomes, outcomes.new_tensor(list(noise_outcomes)))  # (B, L)
    heard = real & (outcomes > 0) & ~noise
    following = next_true(heard)[:, :n_anchors]
    positive = following.where(following < length, 0)  # (B, T)

    keys = F.normalize(embeddings.float(), dim=-1)  # (B, L, D)
    anchors = F.normalize(context.float(), dim=-1) * heard[:, :n_anchors, None]  # (B, T, D)
    drawn_to = keys.gather(1, positive[:, :, None].expand_as(anchors))
    flat = anchors.flatten(0, 1)  # (B * T, D)
    tiled = torch.arange(len(flat), device=items.device) % batch
    pushed_from = (keys * noise[:, :, None])[tiled]  # (B * T, L, D)
    rivals = torch.einsum("qd,qld->ql", flat, pushed_from)
    logits = torch.cat([(anchors * drawn_to).sum(dim=2).view(-1, 1), rivals], dim=1)
    first = torch.zeros(len(flat), dtype=torch.int64, device=items.device)
    return F.cross_entropy(logits / temperature, first)
