"""A second stage: candidates of a ranker are scored again by what is known of each.

The idea is that of Navon & Andrade (paper 4, section 8), who leave it for later. The second stage
is a perceptron of two layers over the features of a candidate and of its session
(streams/candidates.py), added to the first stage's score, and learned by the softmax over the
candidates of a question. Which questions, and where it stands: two_stages.py.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from streams.candidates import CONTEXT, FEATURES

from ..evaluation import metrics
from .lessons import Lessons

_ROWS = 2048  # questions that are ranked at once


@dataclass(frozen=True, kw_only=True)
class RerankConfig:
    """The second stage, and how it is fitted."""

    candidates: int = 100  # K
    most: int = 20  # targets of each lag and run that are kept, those of most share
    width: int = 64  # of both hidden layers
    dropout: float = 0.1
    skips: float = 0.3  # weight of the loss that ranks tracks to be heard above those to be skipped
    questions: int = 20_000  # that it is fitted on at most, and chosen by
    epochs: int = 20
    batch: int = 128
    learning_rate: float = 2e-3  # at the top of its one cycle
    weight_decay: float = 1e-3

    def __post_init__(self) -> None:
        """Refuse what cannot be fitted."""
        sizes = (self.width, self.most, self.questions, self.epochs, self.batch)
        least = (self.candidates - 19, *sizes)
        if min(least) < 1 or min(self.skips, self.weight_decay) < 0 or self.learning_rate <= 0:
            raise ValueError(
                "candidates must be 20 or more, width, most, questions, epochs and batch 1 or "
                f"more, learning_rate above 0, skips and weight_decay 0 or more, got {self}"
            )
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), got {self.dropout}")


class Reranker(nn.Module):
    """Scores candidates by their features and their session's, added to the first stage's score."""

    mean: Tensor
    deviation: Tensor
    span = 5.0  # standard deviations beyond which a feature says no more

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(FEATURES + CONTEXT))
        self.register_buffer("deviation", torch.ones(FEATURES + CONTEXT))
        self.candidate = nn.Linear(FEATURES, width)
        self.session = nn.Linear(CONTEXT, width, bias=False)
        self.hidden = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(width, 1, bias=False)
        self.linear = nn.Linear(FEATURES, 1, bias=False)
        for layer in (self.output, self.linear):  # it begins as the first stage
            nn.init.zeros_(layer.weight)

    def standardise(self, features: Tensor, context: Tensor) -> None:
        """Take mean and deviation from what it will be fitted on, (n, K, F), (n, G)."""
        for place, part in ((slice(FEATURES), features), (slice(FEATURES, None), context)):
            flat = part.reshape(-1, part.shape[-1])
            self.mean[place] = flat.mean(0)
            self.deviation[place] = flat.std(0, correction=0) + 1e-3

    def forward(self, scores: Tensor, features: Tensor, context: Tensor) -> Tensor:
        """Score candidates, (n, K), (n, K, F), (n, G) -> (n, K)."""
        return scores + self.raised(features, context)

    def raised(self, features: Tensor, context: Tensor) -> Tensor:
        """Give what is added to the first stage's scores, (n, K, F), (n, G) -> (n, K)."""
        own = self._standard(features, slice(FEATURES))
        session = self._standard(context, slice(FEATURES, None))
        x = F.gelu(self.candidate(own) + self.session(session)[:, None])  # (n, K, W)
        x = F.gelu(self.hidden(self.dropout(x)))
        raised = self.output(self.dropout(x)) + self.linear(own)
        found: Tensor = raised.squeeze(-1)  # (n, K)
        return found

    def _standard(self, values: Tensor, place: slice) -> Tensor:
        standard: Tensor = (values - self.mean[place]) / self.deviation[place]
        return standard.clamp(-self.span, self.span)


def fit(
    fitted: Lessons, chosen: Lessons, config: RerankConfig, say: Callable[[str], None]
) -> Reranker:
    """Fit by one half of the lessons, keep the epoch with the most MRR@20 + HR@10 on the other."""
    model = Reranker(config.width, config.dropout)
    model.standardise(fitted.features, fitted.context)
    learned = torch.nonzero(fitted.target >= 0).squeeze(1)
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=config.weight_decay)
    steps = config.epochs * -(-len(learned) // config.batch)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, config.learning_rate, max(steps, 1), pct_start=0.1
    )
    best, weights = worth(model, chosen), copy.deepcopy(model.state_dict())
    say(f"as the first stage has them, MRR@20 + HR@10 is {best:.4f}")
    for epoch in range(config.epochs):
        model.train()
        for rows in torch.split(learned[torch.randperm(len(learned))], config.batch):
            optimiser.zero_grad()
            loss(model, fitted.take(rows), config.skips).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            cycle.step()
        found = worth(model, chosen)
        say(f"second stage, epoch {epoch + 1} of {config.epochs}: {found:.4f}")
        if found > best:
            best, weights = found, copy.deepcopy(model.state_dict())
    model.load_state_dict(weights)
    return model.eval()


def loss(model: Reranker, lessons: Lessons, skips: float) -> Tensor:
    """Softmax over the candidates, and `skips` times that of heard tracks against skipped ones."""
    scores = model(lessons.scores, lessons.features, lessons.context)  # (n, K)
    found = F.cross_entropy(scores, lessons.target)
    if not skips:
        return found
    there = scores.gather(1, lessons.following.clamp(min=0))  # (n, H)
    listed = lessons.following >= 0
    heard, skipped = listed & lessons.heard, listed & lessons.skipped
    pairs = heard[:, :, None] & skipped[:, None, :]  # (n, H, H)
    lead = (there[:, :, None] - there[:, None, :])[pairs]
    return found + skips * F.softplus(-lead).mean() if len(lead) else found


@torch.no_grad()
def worth(model: Reranker, lessons: Lessons) -> float:
    """Give MRR@20 + HR@10; a target that is no candidate is missed."""
    model.eval()
    parts = zip(*(torch.split(part, _ROWS) for part in lessons[:4]), strict=True)
    ranks = []
    for scores, features, context, target in parts:
        found = model(scores, features, context)
        own = found.gather(1, target.clamp(min=0)[:, None])
        ranks.append(torch.where(target >= 0, (found >= own).sum(1), metrics.MISSED))
    ranked = torch.cat(ranks).numpy()
    return metrics.mrr(ranked, 20) + metrics.hit_rate(ranked, 10)
