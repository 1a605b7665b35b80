"""What one batch of rows is trained to do: the encoder's states, and the losses on them."""

from __future__ import annotations

import torch
from torch import Tensor

from ..encoders.encoder import Encoder, MaskedEncoder
from ..sampling import NegativeSampler, Rows
from .loss import LossConfig
from .masking import drawn_hidden
from .next_track import next_track_loss
from .released import released_contrastive
from .skip import skip_contrastive


def batch_loss(
    model: Encoder,
    rows: Rows,
    loss: LossConfig,
    generator: torch.Generator,
    sampler: NegativeSampler | None = None,
) -> Tensor:
    """Loss of one batch of rows, (B, T + 1); `generator` draws the negatives from `sampler`.

    Without a sampler every track of the catalog is as likely as another.
    """
    sampler = sampler or NegativeSampler(torch.ones(model.config.items + 1))
    items, outcomes = rows.items.long(), rows.outcomes.long()
    inputs, targets = items[:, :-1], items[:, 1:]  # (B, T)
    with torch.autocast(items.device.type, torch.bfloat16, enabled=items.is_cuda):
        states, real = _predictions(model, items, outcomes, generator)  # (B, T, D), (B, T)
    states = states.float()  # logits and their sums are fp32 everywhere
    nll = next_track_loss(
        model,
        states[real],
        targets[real],
        inputs[real],
        loss,
        sampler,
        generator,
        loss.emphasis(outcomes[:, 1:][real]),
    )
    if loss.name != "skip-contrastive":
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
            counted=real if loss.context == "output" else None,  # the other states are no guesses
        )
    return loss.alpha * nce + loss.beta * nll


def _predictions(
    model: Encoder, items: Tensor, outcomes: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Guess each occurrence but the first, (B, T + 1) -> (B, T, D), and which guesses count."""
    if isinstance(model, MaskedEncoder):
        sizes = model.config
        read, hidden = drawn_hidden(items, sizes.masked, sizes.last_masked, generator)
        return model.states(items * read, outcomes * read, hidden)[:, 1:], hidden[:, 1:]
    return model.states(items[:, :-1], outcomes[:, :-1]), items[:, 1:] > 0
