"""Losses over pairs of a playlist's own track and one that it does not have.

BPR: Rendle, Freudenthaler, Gantner & Schmidt-Thieme (UAI 2009). Papers 1 and 2 also have the binary
cross-entropy of edges against pairs that are none.
"""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from torch import Tensor

GraphLoss = Literal["bpr", "bce"]


def pair_loss(name: GraphLoss, positive: Tensor, negative: Tensor) -> Tensor:
    """Mean loss of scores, (B,) and (B,) -> scalar.

    Raises:
        ValueError: there is no such loss.
    """
    if name == "bpr":
        return F.softplus(negative - positive).mean()
    if name == "bce":
        return (F.softplus(-positive).mean() + F.softplus(negative).mean()) / 2
    raise ValueError(f"unknown loss {name!r}: expected bpr or bce")
