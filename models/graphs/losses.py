"""Losses over pairs of a playlist's own track and one that it does not have.

BPR: Rendle, Freudenthaler, Gantner & Schmidt-Thieme (UAI 2009). BCE is the binary cross-entropy of
edges against pairs that are none, which papers 1 and 2 have too. Softmax is the sampled softmax of
Wu, Wang, Gao, Chen, Fu & Qiu, "On the Effectiveness of Sampled Softmax Loss for Item
Recommendation" (2022): every playlist of a batch tells its own track from all that were drawn for
the batch. They score by cosines over a temperature; on Gowalla inner products did better.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

GraphLoss = Literal["bpr", "bce", "softmax"]
SHARED = 1024  # drawn tracks that a softmax is over; those of a larger batch are not all taken


def batch_loss(
    name: GraphLoss, left: Tensor, right: Tensor, other: Tensor, *, members: int = 1
) -> Tensor:
    """Mean loss of playlists, their own tracks and tracks drawn for them, (B, D) each -> scalar.

    With `members` the columns are so many networks side by side, whose scores add up when they are
    asked; each learns by its own, as if it were alone, so that their errors differ.

    Raises:
        ValueError: there is no such loss.
    """
    parts = [rows.chunk(members, dim=1) for rows in (left, right, other)]  # (B, D / members) each
    return torch.stack([_loss(name, *part) for part in zip(*parts, strict=True)]).sum()


def _loss(name: GraphLoss, left: Tensor, right: Tensor, other: Tensor) -> Tensor:
    positive = (left * right).sum(dim=1)  # (B,)
    if name == "softmax":
        others = left @ other[:SHARED].T  # (B, M)
        return (torch.cat([positive[:, None], others], dim=1).logsumexp(dim=1) - positive).mean()
    return pair_loss(name, positive, (left * other).sum(dim=1))


def pair_loss(name: GraphLoss, positive: Tensor, negative: Tensor) -> Tensor:
    """Mean loss of scores, (B,) and (B,) -> scalar; a softmax of two is BPR.

    Raises:
        ValueError: there is no such loss.
    """
    if name in ("bpr", "softmax"):
        return F.softplus(negative - positive).mean()
    if name == "bce":
        return (F.softplus(-positive).mean() + F.softplus(negative).mean()) / 2
    raise ValueError(f"unknown loss {name!r}: expected bpr, bce or softmax")
