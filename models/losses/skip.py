"""The skip-informed contrastive loss of Seshadri & Knees (2023, section 3.4), over padded sessions.

Pure functions of tensors: no model, no random draw.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def skip_contrastive(
    context: Tensor,
    embeddings: Tensor,
    items: Tensor,
    outcomes: Tensor,
    noise_outcomes: Sequence[int],
    temperature: float = 1.0,
    *,
    own_context: bool = False,
    dot: bool = False,
    counted: Tensor | None = None,
) -> Tensor:
    """Skip-informed InfoNCE: (B, T, D), (B, L, D), (B, L), (B, L) -> scalar, T <= L.

    Anchor i < T of a session is drawn to its next heard track p_m and pushed from the session's
    skipped ones, wherever in the session they stand; `embeddings` are those of `items`. Where the
    paper's text leaves a choice:
    - f is exp(cosine / temperature): a plain cosine is negative half of the time, and has no log.
    - The denominator holds the positive beside the noise, as in van den Oord et al.
      (arXiv:1807.03748): "to classify the positive from the noise" makes it one of the classes, and
      the loss then ends at 0 instead of pushing solved cases on for ever.
    - Heard is every known outcome that is not noise; an unknown one (0) is neither.
    - A track is no noise against itself: occurrences of p_m's track are left out, and with
      `own_context` (c = e) those of the anchor's own, whose cosine is 1 whatever is learned.
    - Noise is of the same session only. (The published code mixes sessions and adds zero vectors.)
    `dot` compares by the inner product, which is what ranks, in place of the cosine.
    Anchors without a next heard track, and sessions without noise, add nothing to the mean, nor do
    those that `counted`, (B, T), leaves out.
    """
    length, n_anchors = items.shape[1], context.shape[1]
    real = items > 0
    noise = real & torch.isin(outcomes, outcomes.new_tensor(list(noise_outcomes)))  # (B, L)
    heard = real & (outcomes > 0) & ~noise
    following = next_true(heard)[:, :n_anchors]  # (B, T), length where there is none
    positive = following.clamp(max=length - 1)

    anchors, p_items = items[:, :n_anchors], items.gather(1, positive)  # (B, T)
    rivals = noise[:, None, :] & (items[:, None, :] != p_items[:, :, None])  # (B, T, L)
    if own_context:
        rivals = rivals & (items[:, None, :] != anchors[:, :, None])
    asked = (anchors > 0) & (following < length) & rivals.any(dim=2)  # (B, T)
    if counted is not None:
        asked = asked & counted
    classes = rivals.scatter(2, positive[:, :, None], True)

    context, embeddings = context.float(), embeddings.float()
    if not dot:
        context, embeddings = F.normalize(context, dim=-1), F.normalize(embeddings, dim=-1)
    alike = context @ embeddings.mT
    logits = (alike / temperature).masked_fill(~classes, -torch.inf)  # (B, T, L)
    if not asked.any():
        return alike.sum() * 0
    return F.cross_entropy(logits[asked], positive[asked])


def next_true(flags: Tensor) -> Tensor:
    """Give the first later position where `flags` (B, L) is true, L where there is none."""
    length = flags.shape[1]
    positions = torch.arange(length, device=flags.device).expand_as(flags)
    found = positions.where(flags, length)
    from_here = found.flip(1).cummin(dim=1).values.flip(1)
    return F.pad(from_here[:, 1:], (0, 1), value=length)
