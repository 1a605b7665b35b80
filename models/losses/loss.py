"""What is minimised in all, and the full softmax over packed positions.

Seshadri & Knees (2023, sections 3.2.5 and 3.3.1). Pure functions of tensors: no model, no batching,
no random draw. `n` is the number of real positions of a batch; nothing here sees padding. Losses
over some negatives are in sampled.py, the contrastive loss beside them in skip.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import BackwardCFunction, once_differentiable

from .ranking import RANKINGS, RankingName

_CHUNK = 1 << 20  # logits held at once on the CPU: 4 MB stay in its cache, and no page is faulted
_CHUNK_GPU = 1 << 28
SURE = 1 - 1e-6  # of a probability, so that its complement has a logarithm


@dataclass(frozen=True, kw_only=True)
class LossConfig:
    """What is minimised: a ranking loss, or alpha * contrastive + beta * next-track likelihood."""

    name: Literal["ce", "skip-contrastive", "bpr", "bpr-max", "top1-max", "gbce"] = "ce"
    context: Literal["output", "item"] = "output"  # c of the paper: y_hat, or the track's own e
    alpha: float = 0.5
    beta: float = 0.5
    temperature: float = 1.0  # the paper has none; .1, as in its code, cost a fifth of HR@1
    strengths: tuple[int, ...] = (1, 2)  # of the skips that are noise; 1 is skipped at once
    similarity: Literal["cosine", "dot"] = "cosine"  # of c and a track; dot is what ranks
    released: bool = False  # as the paper's published code has it; as_released() is all of it
    skip_weights: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Weights in the likelihood of targets that were skipped at once, early, late."""
    unlikelihood: float = 0.0  # weight of -log(1 - p) of targets skipped with one of `strengths`
    negatives: int | None = None  # drawn for each batch; None is the full catalog
    sample_alpha: float = 0.0  # they are drawn by plays ** sample_alpha; 0 is uniform
    in_batch: bool = False  # the targets of the other positions are negatives too
    logq: Literal["off", "published", "unbiased"] = "off"  # next_track.py says what is corrected
    bpreg: float = 1.0  # of bpr-max: weight of the score regularisation
    elu: float = 1.0  # of bpr-max: alpha of the ELU over scores; 0 is none
    calibration: float = 0.75  # of gbce, in [0, 1]; arXiv:2308.07192 has .75 to 1

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        names = (*RANKINGS, "skip-contrastive")
        if self.name not in names or self.context not in ("output", "item"):
            raise ValueError(
                f"loss {self.name!r} with context {self.context!r}: expected one of "
                f"{', '.join(names)}, and output or item"
            )
        if self.temperature <= 0 or min(self.alpha, self.beta) < 0:
            raise ValueError(
                f"temperature {self.temperature} must be above 0, alpha {self.alpha} and beta "
                f"{self.beta} 0 or more"
            )
        if not self.strengths or not set(self.strengths) <= {1, 2, 3}:
            raise ValueError(f"strengths {self.strengths}: expected some of 1, 2, 3")
        if self.similarity not in ("cosine", "dot"):
            raise ValueError(f"similarity {self.similarity!r}: expected cosine or dot")
        if len(self.skip_weights) != 3 or min(*self.skip_weights, self.unlikelihood) < 0:
            raise ValueError(
                f"skip_weights {self.skip_weights} and unlikelihood {self.unlikelihood}: expected "
                "three weights (skipped at once, early, late) and one, all 0 or more"
            )
        if self.negatives is not None and self.negatives < (0 if self.in_batch else 1):
            raise ValueError(
                f"negatives is {self.negatives}, expected 1 or more, 0 with in_batch, or None for "
                "the full catalog"
            )
        if self.negatives is None and (self.sample_alpha or self.in_batch or self.logq != "off"):
            raise ValueError(
                f"sample_alpha {self.sample_alpha}, in_batch {self.in_batch} and logq "
                f"{self.logq!r} are of drawn negatives: say how many with negatives"
            )
        if self.logq not in ("off", "published", "unbiased"):
            raise ValueError(f"logq {self.logq!r}, expected off, published or unbiased")
        if self.ranking != "ce" and (self.logq != "off" or self.unlikelihood):
            raise ValueError(
                f"logq {self.logq!r} and unlikelihood {self.unlikelihood} are of a softmax, got "
                f"them with {self.name}: give loss ce"
            )
        if min(self.sample_alpha, self.bpreg, self.elu) < 0 or not 0 <= self.calibration <= 1:
            raise ValueError(
                f"sample_alpha {self.sample_alpha}, bpreg {self.bpreg} and elu {self.elu} must be "
                f"0 or more, calibration {self.calibration} in [0, 1]"
            )

    @property
    def ranking(self) -> RankingName:
        """The next-track part: beside the contrastive loss it is cross entropy."""
        return "ce" if self.name == "skip-contrastive" else self.name

    @property
    def noise_outcomes(self) -> tuple[int, ...]:
        """Outcome codes of the noise: strength 1 is code 4, 2 is 3, 3 is 2."""
        return tuple(5 - strength for strength in self.strengths)

    @classmethod
    def as_released(cls, **changes: object) -> LossConfig:
        """Give the loss of the paper's published code: its form, temperature, sum and candidates.

        released.py says where the form is not that of the paper's text; the temperature is
        .1, the two losses are added as they are, and 1,000 candidates are sampled beside the
        targets of the batch.
        """
        theirs: dict[str, Any] = {
            "name": "skip-contrastive",
            "released": True,
            "temperature": 0.1,
            "alpha": 1.0,
            "beta": 1.0,
            "negatives": 1000,
        }
        return cls(**{**theirs, **changes})

    def emphasis(self, outcomes: Tensor) -> Emphasis | None:
        """Weigh the likelihood of targets by how they ended, (n,); None where all count alike."""
        if self.skip_weights == (1.0, 1.0, 1.0) and not self.unlikelihood:
            return None
        by_code = torch.tensor([1.0, 1.0, *self.skip_weights[::-1]], device=outcomes.device)
        against = torch.zeros(5, device=outcomes.device)
        against[list(self.noise_outcomes)] = self.unlikelihood
        return Emphasis(by_code[outcomes], against[outcomes])


class Emphasis(NamedTuple):
    """How much each target counts: the loss is sum(w * -log p + u * -log(1 - p)) / sum(w)."""

    weights: Tensor  # w, (n,)
    against: Tensor  # u, (n,), of unlikelihood (arXiv:1908.04319)

    def mean(self, nll: Tensor) -> Tensor:
        """Sum up the negative log-likelihoods of the targets, (n,) -> scalar."""
        unlikely = -torch.log1p(-(-nll).exp().clamp(max=SURE))
        return (self.weights * nll + self.against * unlikely).sum() / self.divisor()

    def divisor(self) -> Tensor:
        """Give the sum of the weights, or 1 where no target counts: the loss is 0 then."""
        total = self.weights.sum()
        return total.where(total > 0, 1)

    @classmethod
    def none(cls, n: int, device: torch.device) -> Emphasis:
        """Let n targets count alike."""
        return cls(torch.ones(n, device=device), torch.zeros(n, device=device))


def full_softmax(
    states: Tensor,
    matrix: Tensor,
    targets: Tensor,
    masked: Tensor | None = None,
    emphasis: Emphasis | None = None,
) -> Tensor:
    """Mean cross entropy over the whole catalog: (n, D), (N + 1, D), (n,) -> scalar.

    Padding is no class, nor is `masked[i]`, (n,), in row i: the current track, which serving masks
    too. Where the target itself is masked, it stays a class. Gradients are made in the forward
    pass, a few rows at a time, so that memory is bounded whatever N is; on a CPU that is also three
    times as fast, since the logits never leave its cache.
    """
    if not len(targets):
        return (states.sum() + matrix.sum()) * 0
    masked = torch.zeros_like(targets) if masked is None else masked
    masked = masked.where(masked != targets, 0)  # item 0 is masked in any case
    emphasis = emphasis or Emphasis.none(len(targets), targets.device)
    result: Tensor = _FullSoftmax.apply(states, matrix, targets, masked, *emphasis)
    return result


def mean_cross_entropy(logits: Tensor, positive: Tensor, emphasis: Emphasis | None) -> Tensor:
    """Mean over rows of -log softmax at column `positive`, (n, C), (n,) -> scalar."""
    if emphasis is None:
        return F.cross_entropy(logits.float(), positive)
    return emphasis.mean(F.cross_entropy(logits.float(), positive, reduction="none"))


class _FullSoftmax(torch.autograd.Function):
    """Loss and both gradients in one pass over chunks of rows, in fp32."""

    @staticmethod
    def forward(
        ctx: BackwardCFunction,
        states: Tensor,
        matrix: Tensor,
        targets: Tensor,
        masked: Tensor,
        w: Tensor,
        against: Tensor,
    ) -> Tensor:
        size = max(1, (_CHUNK_GPU if states.is_cuda else _CHUNK) // len(matrix))
        weights = matrix.float()
        d_states = torch.empty_like(states, dtype=torch.float32)
        d_weights = torch.zeros_like(weights)
        total = weights.new_zeros(())
        for start in range(0, len(targets), size):
            rows = slice(start, start + size)
            inputs, target = states[rows].float(), targets[rows, None]
            p = inputs @ weights.T  # (rows, N + 1): logits now, probabilities soon
            p[:, 0] = -torch.inf
            p.scatter_(1, masked[rows, None], -torch.inf)
            top, chosen = p.amax(dim=1, keepdim=True), p.gather(1, target)
            z = p.sub_(top).exp_().sum(dim=1, keepdim=True)
            nll = z.log() + top - chosen  # (rows, 1)
            p_own = (-nll).exp().clamp_(max=SURE)
            total += w[rows] @ nll[:, 0] - against[rows] @ torch.log1p(-p_own)[:, 0]
            slope = w[rows, None] - against[rows, None] * p_own / (1 - p_own)  # d total / d nll
            p.mul_(slope / z).scatter_add_(1, target, -slope)  # d total / d logits
            torch.mm(p, weights, out=d_states[rows])
            d_weights.addmm_(p.T, inputs)
        n = Emphasis(w, against).divisor()
        ctx.save_for_backward((d_states / n).to(states.dtype), (d_weights / n).to(matrix.dtype))
        return total / n

    @staticmethod
    @once_differentiable
    def backward(ctx: BackwardCFunction, gradient: Tensor) -> tuple[Tensor | None, ...]:
        d_states, d_matrix = list(ctx.saved_tensors)
        return d_states * gradient, d_matrix * gradient, None, None, None, None
