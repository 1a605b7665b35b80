"""The gate: may a candidate serve in the champion's place? Arithmetic on two metric samples.

Pure: no model, no broker, no clock; randomness is an argument. It judges what an evaluation of the
*same* targets by both models gave, and it is not the evaluation. Two samples are judged: the
newest held-out window (is the candidate better now?) and the anchor set, held out since the first
training (did it forget?). The window is compared by a paired bootstrap over sessions, since the
targets of one session stand and fall together (Sakai, "Evaluating evaluation metrics based on the
bootstrap", SIGIR 2006, with the session as the unit).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Numbers = dict[str, float | int | None]  # None stands where a number was not finite

_CHUNK = 1 << 20  # resampled session indices held at once: 8 MB


@dataclass(frozen=True, kw_only=True)
class GateRules:
    """What a candidate must show."""

    # P(candidate beats champion on the window) over the resamples. At .9 a candidate that is truly
    # equal passes one time in ten, which costs nothing but a swap, and one that is truly one
    # standard error worse passes one time in ninety; at .95 a third of the true gains of two
    # standard errors would be thrown away, and the freshness with them.
    improvement_probability: float = 0.9
    # Largest relative loss of hits on the window, of a candidate whose MRR is better there. With
    # none allowed, 2 hits of 1,925 refused a gain of 2 % in MRR: chance alone moves as many.
    hit_loss: float = 0.01
    # Largest relative loss on the anchor set. By chance alone the difference of two models has a
    # standard error of .6 % there (measured: 250 MSSD sessions, 4,600 targets): this is over three.
    anchor_loss: float = 0.02
    min_targets: int = 200  # in each sample; below it there is not enough evidence
    min_sessions: int = 20  # in each sample; the bootstrap's unit
    resamples: int = 2000

    def __post_init__(self) -> None:
        """Refuse rules that cannot be meant."""
        if not 0.5 <= self.improvement_probability < 1:
            raise ValueError(
                f"improvement_probability is {self.improvement_probability}, expected .5 to below 1"
            )
        for name in ("hit_loss", "anchor_loss"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(
                    f"{name} is {getattr(self, name)}, expected 0 to below 1 (.02 is 2 %)"
                )
        if min(self.min_targets, self.min_sessions, self.resamples) < 1:
            raise ValueError("min_targets, min_sessions and resamples must each be at least 1")


@dataclass(frozen=True, kw_only=True)
class PairedSample:
    """What champion and candidate scored on the same n targets, in the same order."""

    sessions: NDArray[np.int64]  # [n] any label of the session each target belongs to
    champion_rr: NDArray[np.float64]  # [n] reciprocal rank @20, 0 for a miss
    candidate_rr: NDArray[np.float64]  # [n]
    champion_hit: NDArray[np.float64]  # [n] 1 where the rank was <= 10, else 0
    candidate_hit: NDArray[np.float64]  # [n]

    def __post_init__(self) -> None:
        """Refuse arrays that do not speak of the same targets."""
        shapes = {
            name: getattr(self, name).shape
            for name in ("champion_rr", "candidate_rr", "champion_hit", "candidate_hit")
        }
        if any(shape != self.sessions.shape or len(shape) != 1 for shape in shapes.values()):
            raise ValueError(
                f"expected one-dimensional arrays of {self.sessions.shape}, got {shapes}"
            )

    @property
    def scores(self) -> tuple[NDArray[np.float64], ...]:
        """The four score arrays."""
        return self.champion_rr, self.candidate_rr, self.champion_hit, self.candidate_hit

    def numbers(self, prefix: str) -> Numbers:
        """Sizes and means, ready for a log line."""
        return {
            f"{prefix}_sessions": int(np.unique(self.sessions).size),
            f"{prefix}_targets": int(self.sessions.size),
            f"{prefix}_champion_mrr@20": _mean(self.champion_rr),
            f"{prefix}_candidate_mrr@20": _mean(self.candidate_rr),
            f"{prefix}_champion_hit_rate@10": _mean(self.champion_hit),
            f"{prefix}_candidate_hit_rate@10": _mean(self.candidate_hit),
        }


@dataclass(frozen=True)
class Verdict:
    """Accepted or not, every reason against, and the numbers it rests on."""

    accepted: bool
    reasons: list[str] = field(default_factory=list)
    numbers: Numbers = field(default_factory=dict)


def judge(
    window: PairedSample, anchor: PairedSample, rules: GateRules, rng: np.random.Generator
) -> Verdict:
    """Judge a candidate; anything that cannot be compared is refused, never an exception."""
    numbers: Numbers = {**window.numbers("window"), **anchor.numbers("anchor")}
    reasons = _not_evidence("window", window, rules) + _not_evidence("anchor", anchor, rules)
    if reasons:
        return Verdict(accepted=False, reasons=reasons, numbers=numbers)

    probability = improvement_probability(window, rules.resamples, rng)
    numbers["improvement_probability"] = probability
    if probability < rules.improvement_probability:
        reasons.append(
            f"no better on the window: mrr@20 {window.candidate_rr.mean():.4f} against "
            f"{window.champion_rr.mean():.4f}, probability of improvement {probability:.3f}, "
            f"expected at least {rules.improvement_probability:g}"
        )
    # Hits are counts: compared as sums they are exact, where means may differ by rounding.
    if window.candidate_hit.sum() < window.champion_hit.sum() * (1 - rules.hit_loss):
        reasons.append(
            f"fewer hits on the window: hit_rate@10 {window.candidate_hit.mean():.4f} against "
            f"{window.champion_hit.mean():.4f}, expected a loss of at most {rules.hit_loss:.1%}"
        )
    for metric, champion, candidate in (
        ("mrr@20", anchor.champion_rr, anchor.candidate_rr),
        ("hit_rate@10", anchor.champion_hit, anchor.candidate_hit),
    ):
        before, after = float(champion.mean()), float(candidate.mean())
        numbers[f"anchor_change_{metric}"] = after / before - 1 if before > 0 else None
        if after < before * (1 - rules.anchor_loss):
            reasons.append(
                f"forgets: {metric} on the anchor set {after:.4f} against {before:.4f}, expected a "
                f"loss of at most {rules.anchor_loss:.1%}"
            )
    return Verdict(accepted=not reasons, reasons=reasons, numbers=numbers)


def improvement_probability(
    sample: PairedSample, resamples: int, rng: np.random.Generator
) -> float:
    """Share of session resamples in which the candidate's summed reciprocal rank is higher.

    Strictly higher: an equal candidate has probability 0. All resamples of one sample hold the same
    number of sessions, and the sign of a difference of means is that of the difference of sums.
    """
    _, session = np.unique(sample.sessions, return_inverse=True)
    gains = np.bincount(session, weights=sample.candidate_rr - sample.champion_rr)
    wins, rows = 0, max(1, _CHUNK // gains.size)
    for start in range(0, resamples, rows):
        drawn = rng.integers(0, gains.size, size=(min(rows, resamples - start), gains.size))
        wins += int((gains[drawn].sum(axis=1) > 0).sum())
    return wins / resamples


def _not_evidence(name: str, sample: PairedSample, rules: GateRules) -> list[str]:
    sessions, targets = np.unique(sample.sessions).size, sample.sessions.size
    if targets < rules.min_targets or sessions < rules.min_sessions:
        return [
            f"not enough evidence: {name} has {targets} targets in {sessions} sessions, expected "
            f"at least {rules.min_targets} in {rules.min_sessions}"
        ]
    broken = sum(int((~np.isfinite(scores)).sum()) for scores in sample.scores)
    return [f"{name} holds {broken} scores that are not finite"] if broken else []


def _mean(values: NDArray[np.float64]) -> float | None:
    mean = float(values.mean()) if values.size else math.nan
    return mean if math.isfinite(mean) else None
