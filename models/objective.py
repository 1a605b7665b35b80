"""What one batch of rows is trained to do: the encoder's states, and the losses on them."""

from __future__ import annotations

import torch
from torch import Tensor

from .encoder import Encoder
from .losses import LossConfig, full_softmax, sampled_softmax
from .released_losses import released_contrastive, union_softmax
from .sampling import Rows, uniform_negatives
from .skip_losses import skip_contrastive


def batch_loss(model: Encoder, rows: Rows, loss: LossConfig, generator: torch.Generator) -> Tensor:
    """Loss of one batch of rows, (B, T + 1); `generator` draws the negatives of a sampled softmax.

    What the likelihood has as classes: serving never offers the current track, so the full softmax
    leaves it out; the sampled one must have it among its negatives (losses.py says why).
    """
    items, outcomes = rows.items.long(), rows.outcomes.long()
    inputs, targets = items[:, :-1], items[:, 1:]  # (B, T)
    with torch.autocast(items.device.type, torch.bfloat16, enabled=items.is_cuda):
        states = model.states(inputs, outcomes[:, :-1])  # (B, T, D)
    states = states.float()  # logits and their sums are fp32 everywhere
    matrix = model.item_embedding.weight
    real = targets > 0
    known, wanted = states[real], targets[real]  # (n, D), (n,)
    emphasis = loss.emphasis(outcomes[:, 1:][real])
    if loss.negatives is None:
        nll = full_softmax(known, matrix, wanted, inputs[real], emphasis)
    else:
        drawn = uniform_negatives(model.config.items, loss.negatives, generator).to(items.device)
        if loss.released:
            nll = union_softmax(known, matrix, wanted, drawn, emphasis)
        else:
            nll = sampled_softmax(known, matrix, wanted, inputs[real], drawn, emphasis=emphasis)
    if loss.name == "ce":
        return nll
    embeddings = model.item_embedding(items)  # (B, T + 1, D)
    context = states if loss.context == "output" else embeddings[:, :-1]
    if loss.released:
        nce = released_contrastive(
            context, embeddings, items, outcomes, loss.noise_outcomes, loss.temperature
        )
    else:
        nce = skip_contrastive(
            context,
            embeddings,
            items,
            outcomes,
            loss.noise_outcomes,
            loss.temperature,
            own_context=loss.context == "item",
            dot=loss.similarity == "dot",
        )
    return loss.alpha * nce + loss.beta * nll
