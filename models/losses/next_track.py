"""The next-track part of every loss: which tracks a target is asked against, and the loss of that.

Positions are packed, whatever pass over the sessions their states come from (objective.py).
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..encoders.encoder import Encoder
from ..sampling import NegativeSampler
from .loss import Emphasis, LossConfig, full_softmax
from .ranking import Ranking, calibrated
from .released import union_softmax
from .sampled import Compared, sampled_loss


def next_track_loss(
    model: Encoder,
    states: Tensor,
    targets: Tensor,
    current: Tensor,
    loss: LossConfig,
    sampler: NegativeSampler,
    generator: torch.Generator,
    emphasis: Emphasis | None = None,
) -> Tensor:
    """Mean loss of real positions, (n, D), (n,), (n,) -> scalar; `generator` draws the negatives.

    Serving never offers the current track, (n,), 0 where there is none: the full softmax leaves it
    out, every other loss has it as a negative (sampled.py says why).
    """
    matrix = model.item_embedding.weight
    if model.item_bias is not None:  # one more column, which every state has as 1
        matrix = torch.cat([matrix, model.item_bias[:, None]], dim=1)
        states = torch.cat([states, torch.ones_like(states[:, :1])], dim=1)
    if loss.ranking == "ce" and loss.negatives is None:
        return full_softmax(states, matrix, targets, current, emphasis)
    compared = compare(targets, current, loss, sampler, generator)
    if loss.released:
        return union_softmax(states, matrix, targets, compared.negatives, emphasis)
    return sampled_loss(states, matrix, compared, ranking_of(loss, model.config.items), emphasis)


def ranking_of(loss: LossConfig, items: int) -> Ranking:
    """Give the loss over a row's scores, for a catalog of so many items."""
    beta = calibrated(loss.calibration, items if loss.negatives is None else loss.negatives, items)
    return Ranking(name=loss.ranking, bpreg=loss.bpreg, elu=loss.elu, beta=beta)


def compare(
    targets: Tensor,
    current: Tensor,
    loss: LossConfig,
    sampler: NegativeSampler,
    generator: torch.Generator,
) -> Compared:
    """Draw the negatives that all rows share, and say how their scores are corrected, (n,), (n,).

    `logq` of the loss, with P the plays of a track in training and Q its share among what is drawn:

    | logq      | taken off                                                                    |
    |-----------|------------------------------------------------------------------------------|
    | off       | nothing                                                                      |
    | published | log P of targets, in-batch negatives and the current track, and alpha log P  |
    |           | of drawn ones: GRU4Rec's form, in which the two groups differ by a constant  |
    | unbiased  | of a negative the log of how often it is expected among them; nothing of the |
    |           | target, which is always there (arXiv:2507.09331), nor of the current track   |
    """
    if loss.negatives is None:  # every track of the catalog
        drawn = torch.arange(1, len(sampler.log_plays), device=targets.device)
    else:
        drawn = sampler.draw(loss.negatives, generator).to(targets.device)
    negatives = torch.cat([targets, drawn]) if loss.in_batch else drawn
    own = torch.stack([targets, current], dim=1)  # (n, 2)
    if loss.logq == "published":
        plays = sampler.log_plays.to(targets.device)
        offsets = sampler.alpha * plays[drawn]
        if loss.in_batch:
            offsets = torch.cat([plays[targets], offsets])
        return Compared(targets, current, negatives, plays[own], offsets)
    if loss.logq == "unbiased":
        expected = sampler.log_q.exp() * len(drawn)
        if loss.in_batch:
            expected += sampler.log_plays.softmax(0) * len(targets)
        return Compared(targets, current, negatives, None, expected.log().to(own.device)[negatives])
    return Compared(targets, current, negatives)
