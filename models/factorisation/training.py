"""How a factorisation machine learns: rows in batches, ten other items beside each, by Adam.

Rendle et al., "BPR" (UAI 2009) and He et al., "Neural Collaborative Filtering" (WWW 2017, section
3.1) for the pointwise loss; ten negatives as in Ibero, Pérez & Martínez (UPC, 2021), section 4. A
negative is any item that the user does not have in training: what is held out may be drawn, since
training must not know it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from models.graphs.adjacency import Adjacency

from .fm import FactorizationMachine, FmConfig, Logits
from .interactions import Interactions
from .propagation import connected

FmLoss = Literal["bpr", "bce"]
_LOSSES: tuple[FmLoss, ...] = ("bpr", "bce")


@dataclass(frozen=True, kw_only=True)
class FmSchedule:
    """How long and how fast."""

    loss: FmLoss = "bpr"
    epochs: int = 20
    batch: int = 4096  # rows
    negatives: int = 10  # of each row
    rate: float = 6e-3  # Adam's, falling to 0 along half a cosine

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        if self.loss not in _LOSSES:
            raise ValueError(f"loss {self.loss!r}, expected one of {_LOSSES}")
        if min(self.epochs, self.batch, self.negatives) < 1 or self.rate <= 0:
            raise ValueError(f"epochs, batch, negatives and rate must be positive, got {self}")


Progress = Callable[[int, float, FactorizationMachine], None]


def train_fm(
    train: Interactions,
    config: FmConfig,
    schedule: FmSchedule,
    *,
    seed: int,
    progress: Progress = lambda epoch, loss, model: None,
) -> FactorizationMachine:
    """Learn; `progress` is told the epoch (from 1), its mean loss and the model as it is.

    The graph of a machine that has one is made of the training rows alone.

    Raises:
        ValueError: sizes do not fit, a user has every item, or the loss is not finite.
    """
    if (config.features, config.items) != (train.n_features, train.n_items):
        raise ValueError(
            f"the machine has {config.features} features and {config.items} items, the rows "
            f"{train.n_features} and {train.n_items}"
        )
    torch.manual_seed(seed)
    drawn = torch.Generator().manual_seed(seed)
    model = FactorizationMachine(config, None if config.embedding == "table" else graph_of(train))
    adam = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=schedule.rate)
    features, items = torch.from_numpy(train.features), torch.from_numpy(train.items)
    negatives = Negatives(train, drawn)
    total = schedule.epochs * math.ceil(len(train) / schedule.batch)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(adam, total)
    for epoch in range(1, schedule.epochs + 1):
        model.train()
        lost = 0.0
        for rows in torch.split(torch.randperm(len(train), generator=drawn), schedule.batch):
            candidates = torch.cat(
                [items[rows, None], negatives.draw(rows, schedule.negatives)], dim=1
            )  # (B, 1 + K)
            loss = fm_loss(model(features[rows], candidates), schedule.loss)
            adam.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            adam.step()
            falling.step()
            lost += loss.item() * len(rows)
        if not math.isfinite(lost):
            raise ValueError(f"the loss of epoch {epoch} is {lost}: lower the rate")
        model.eval()
        progress(epoch, lost / len(train), model)
    return model


def fm_loss(logits: Logits, loss: FmLoss) -> Tensor:
    """Mean loss of (B, 1 + K) candidates, the first of which was the right one."""
    scores = logits.items
    if loss == "bpr":
        return F.softplus(scores[:, 1:] - scores[:, :1]).mean()
    right = torch.zeros_like(scores)
    right[:, 0] = 1
    return F.binary_cross_entropy_with_logits(scores + logits.common[:, None], right)


def graph_of(train: Interactions) -> Adjacency:
    """Connect the user, the contexts and the item of each row."""
    rows = torch.from_numpy(train.items[:, None] + train.n_features)
    together = torch.cat([torch.from_numpy(train.features), rows], dim=1).numpy()
    return connected(together, train.n_features + train.n_items)


class Negatives:
    """Items that a row's user does not have, drawn alike."""

    def __init__(self, train: Interactions, generator: torch.Generator) -> None:
        pairs = train.pairs()
        self._has = torch.from_numpy(pairs)
        self._users = torch.from_numpy(train.users) * train.n_items
        self._items, self._generator = train.n_items, generator
        most = int(torch.from_numpy(pairs // train.n_items).bincount().max())
        if most >= train.n_items:
            raise ValueError(
                f"a user has all {train.n_items} items: there is nothing to set against them"
            )

    def draw(self, rows: Tensor, count: int) -> Tensor:
        """Draw for each row, (B,) -> (B, K)."""
        first = self._users[rows].repeat_interleave(count)  # (B * K,) key of the user's item 0
        found = self._drawn(len(first))
        wrong = torch.arange(len(first))
        while len(wrong := wrong[self._taken(first[wrong] + found[wrong])]):
            found[wrong] = self._drawn(len(wrong))
        return found.view(-1, count)

    def _drawn(self, count: int) -> Tensor:
        return torch.randint(self._items, (count,), generator=self._generator)

    def _taken(self, keys: Tensor) -> Tensor:
        at = torch.searchsorted(self._has, keys).clamp_max_(len(self._has) - 1)
        return self._has[at] == keys
