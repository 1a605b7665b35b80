"""What a row's target is asked against its negatives: cross entropy, BPR, BPR-max, TOP1-max, gBCE.

Scores of tracks in, the loss and its gradient out, written by hand: a training step then keeps no
chain of large tensors, and the scores of some rows stay in the processor's cache. Which tracks are
negatives, and how they are scored, is said in sampled.py.

| name              | source                                                                 |
|-------------------|------------------------------------------------------------------------|
| ce                | softmax over the target and the negatives                              |
| bpr               | Hidasi et al. (arXiv:1511.06939)                                       |
| bpr-max, top1-max | Hidasi & Karatzoglou (arXiv:1706.03847), with its score regularisation |
| gbce              | Petrov & Macdonald (arXiv:2308.07192)                                  |
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

RankingName = Literal["ce", "bpr", "bpr-max", "top1-max", "gbce"]
RANKINGS: tuple[RankingName, ...] = ("ce", "bpr", "bpr-max", "top1-max", "gbce")
_LEAST = 1e-24  # a probability's, so that it has a logarithm


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """One of the losses, and its constants."""

    name: RankingName
    bpreg: float = 1.0  # weight of the score regularisation of bpr-max
    elu: float = 1.0  # bpr-max ranks ELU(score), this being its alpha; 0 ranks the score itself
    beta: float = 1.0  # power of gbce's positive probability: `calibrated` gives it


def calibrated(t: float, negatives: int, items: int) -> float:
    """Give gbce's beta for a calibration `t` in [0, 1] (arXiv:2308.07192).

    1 at t = 0, which is plain binary cross entropy; at t = 1 the model's probabilities are right
    although only a share of the negatives is seen.
    """
    share = min(1.0, negatives / max(1, items - 1))
    return 1 - t * (1 - share)


def value_and_gradient(
    ranking: Ranking, scores: Tensor, log_weight: Tensor
) -> tuple[Tensor, Tensor]:
    """Give each row's loss and its gradient: (n, 1 + K), (n, K) -> (n,), (n, 1 + K).

    Column 0 of `scores` is the target, the others are negatives. One with a weight of m counts as
    m equal ones, and one with a weight of 0, whose log is -inf, not at all. A row in which no
    negative counts adds nothing, but for gbce. `scores` is overwritten.
    """
    loss, gradient = _RULES[ranking.name](ranking, scores, log_weight)
    if ranking.name in ("bpr", "bpr-max", "top1-max"):
        alone = log_weight.amax(dim=1) == -torch.inf
        if alone.any():
            return loss.masked_fill(alone, 0), gradient.masked_fill(alone[:, None], 0)
    return loss, gradient


def _ce(ranking: Ranking, scores: Tensor, log_weight: Tensor) -> tuple[Tensor, Tensor]:
    scores[:, 1:].add_(log_weight)
    top, target = scores.amax(dim=1, keepdim=True), scores[:, :1].clone()
    odds = scores.sub_(top).exp_()
    total = odds.sum(dim=1, keepdim=True)
    odds.div_(total)[:, 0] -= 1
    return (total.log() + top - target).squeeze(1), odds


def _bpr(ranking: Ranking, scores: Tensor, log_weight: Tensor) -> tuple[Tensor, Tensor]:
    """Mean over the negatives j of -log sigma(r_i - r_j)."""
    margin = scores[:, 1:].sub_(scores[:, :1])  # r_j - r_i
    share = log_weight.exp()
    share /= share.sum(dim=1, keepdim=True)
    loss = torch.linalg.vecdot(F.softplus(margin), share)
    margin.sigmoid_().mul_(share)
    scores[:, 0] = -margin.sum(dim=1)
    return loss, scores


def _bpr_max(ranking: Ranking, scores: Tensor, log_weight: Tensor) -> tuple[Tensor, Tensor]:
    """-log sum_j s_j sigma(r_i - r_j) + bpreg * sum_j s_j r_j^2, s the softmax of the negatives."""
    ranked = F.elu(scores, ranking.elu) if ranking.elu else scores
    target, rival = ranked[:, :1], ranked[:, 1:]
    share = (rival + log_weight).softmax(dim=1)  # s
    won = (target - rival).sigmoid_()
    part = share * won
    total = part.sum(dim=1, keepdim=True)  # A
    size = rival * rival
    mean_size = torch.linalg.vecdot(share, size).unsqueeze(1)
    loss = ranking.bpreg * mean_size - total.clamp(min=_LEAST).log()
    part.mul_(won)  # s_j sigma^2
    total.clamp_(min=_LEAST)
    gradient = torch.empty_like(scores)
    gradient[:, :1] = part.sum(dim=1, keepdim=True) / total - 1
    # s_j (1 + bpreg (r_j^2 + 2 r_j - mean)) - s_j sigma^2 / A
    size.add_(rival, alpha=2).mul_(ranking.bpreg).add_(1 - ranking.bpreg * mean_size)
    gradient[:, 1:] = size.mul_(share).addcdiv_(part, total, value=-1)
    if ranking.elu:
        gradient = torch.ops.aten.elu_backward(gradient, ranking.elu, 1, 1, True, ranked)
    return loss.squeeze(1), gradient


def _top1_max(ranking: Ranking, scores: Tensor, log_weight: Tensor) -> tuple[Tensor, Tensor]:
    """sum_j s_j (sigma(r_j - r_i) + sigma(r_j^2)), s the softmax of the negatives."""
    target, rival = scores[:, :1], scores[:, 1:]
    share = (rival + log_weight).softmax(dim=1)  # s
    lost, size = torch.sigmoid(rival - target), torch.sigmoid(rival * rival)
    cost = lost + size
    loss = torch.linalg.vecdot(share, cost).unsqueeze(1)
    d_lost = lost.mul_(1 - lost).mul_(share)  # of s_j sigma(r_j - r_i) by r_j
    d_size = size.mul_(1 - size).mul_(rival).mul_(share)
    d_rival = cost.sub_(loss).mul_(share).add_(d_lost).add_(d_size, alpha=2)
    gradient = torch.cat([-d_lost.sum(dim=1, keepdim=True), d_rival], dim=1)
    return loss.squeeze(1), gradient


def _gbce(ranking: Ranking, scores: Tensor, log_weight: Tensor) -> tuple[Tensor, Tensor]:
    """Mean over target and negatives of -beta log sigma(r_i) and -log(1 - sigma(r_j))."""
    target, rival = scores[:, :1], scores[:, 1:]
    weight = log_weight.exp()
    count = weight.sum(dim=1) + 1
    loss = torch.linalg.vecdot(F.softplus(rival), weight)
    loss += ranking.beta * F.softplus(-target).squeeze(1)
    d_target = ranking.beta * (torch.sigmoid(target) - 1)
    gradient = torch.cat([d_target, torch.sigmoid(rival).mul_(weight)], dim=1)
    return loss / count, gradient.div_(count.unsqueeze(1))


_RULES: dict[RankingName, Callable[[Ranking, Tensor, Tensor], tuple[Tensor, Tensor]]] = {
    "ce": _ce,
    "bpr": _bpr,
    "bpr-max": _bpr_max,
    "top1-max": _top1_max,
    "gbce": _gbce,
}
