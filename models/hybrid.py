"""A hybrid: a network's scores, and what is counted in the same sessions.

The network knows tracks by their neighbourhood, the counts know exactly what has followed what, up
to five steps later (counting/markov.py), and each hits where the other misses. The score is

    network's score + weight * log(1 + share / floor)

with the decayed shares of transitions: a product of the two experts, the counts' flattened, so that
a track which was never seen to follow keeps its score. On the MSSD subset this was better than the
mixture of probabilities (docs/models.md). The weight is chosen on validation sessions. It is served
as it is ranked here: streams/followers.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from streams.counts import TransitionCounts

from .counting.markov import MarkovConfig, StepTable, added, heaviest, step_counts, step_weights
from .encoders.encoder import Encoder
from .evaluation.evaluate import evaluate
from .questions import Bools, Floats, Ints, Questions, Ranker
from .sessions import Sessions

ARCHITECTURE = "hybrid"
WEIGHTS = (0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0, 1.3)


@dataclass(frozen=True, kw_only=True)
class HybridConfig:
    """What is counted, and what it is worth."""

    markov: MarkovConfig = field(default_factory=lambda: MarkovConfig(near=1.0))
    floor: float = 1e-3  # the share that a track has which was never seen to follow
    most: int = 20  # targets of each lag and source that a bundle keeps, those of most weight
    weight: float | None = None  # of the counts; None: chosen on the validation sessions

    def __post_init__(self) -> None:
        """Refuse what would count for nothing."""
        if min(self.floor, self.most, 1 if self.weight is None else self.weight) <= 0:
            raise ValueError(f"floor, most and weight must be above 0, got {self}")


@dataclass(frozen=True, eq=False)
class Counted:
    """The steps that a hybrid has seen, as numbers, and how they are weighed.

    Further sessions can be added, since a share can be made of numbers and not the other way.
    """

    steps: TransitionCounts
    config: HybridConfig

    @classmethod
    def of(cls, sessions: Sessions, config: HybridConfig) -> Counted:
        """Count the steps of sessions."""
        return cls(step_counts(sessions, config.markov), config)

    def learned(self, sessions: Sessions) -> Counted:
        """Add the steps of more sessions, over the same catalog or one that goes on after it."""
        more = step_counts(sessions, self.config.markov)
        return replace(self, steps=added(self.steps, more))

    def shares(self, plays: Ints) -> TransitionCounts:
        """Give the counts of a bundle, shares over the floor; `plays` (N + 1,) of each item."""
        weights = step_weights(self.steps, self.config.markov, plays)
        weights = weights / (sum(self.config.markov.decays) * self.config.floor)
        steps = replace(self.steps, weights=weights.astype(np.float32))
        return heaviest(steps, self.config.most)

    def weighed(self, network: Ranker, valid: Sessions, plays: Ints) -> Counted:
        """Choose the weight on validation sessions, if the config has none."""
        if self.config.weight is not None:
            return self
        weight = chosen_weight(network, self.shares(plays), valid, plays)
        return replace(self, config=replace(self.config, weight=weight))

    def beside(self, network: Ranker, plays: Ints, name: str = "hybrid") -> HybridRanker:
        """Give the ranker of a network and these counts; the weight must have been chosen."""
        shares = LogShares(self.shares(plays), network.n_items)
        return HybridRanker(network, shares, self.weight, name)

    @property
    def weight(self) -> float:
        """The weight that was chosen; ValueError if none was."""
        if self.config.weight is None:
            raise ValueError("the weight of the counts is not chosen yet: call weighed()")
        return self.config.weight


class LogShares:
    """What counts add to a network's scores, before it is weighed: log(1 + share / floor)."""

    name = "log shares"
    listed: int | None = None

    def __init__(self, counts: TransitionCounts, n_items: int) -> None:
        self.n_items = n_items
        self._table = StepTable(counts, counts.weights.astype(np.float64), n_items)

    def scores(self, questions: Questions, allowed: Bools | None = None) -> Floats:
        """Score every item; most have 0."""
        shares = self._table.sums(questions)
        np.log1p(shares, out=shares, where=shares > 0)
        return shares.astype(np.float32)


class HybridRanker:
    """A network, or what else scores the whole catalog, with counts beside it."""

    listed: int | None = None

    def __init__(
        self, network: Ranker, shares: Ranker, weight: float, name: str = "hybrid"
    ) -> None:
        self.name = name
        self.n_items = network.n_items
        self._network, self._shares, self._weight = network, shares, np.float32(weight)

    def scores(self, questions: Questions, allowed: Bools | None = None) -> Floats:
        """Score every item."""
        raised: Floats = self._weight * self._shares.scores(questions)
        return self._network.scores(questions, allowed) + raised


def chosen_weight(
    network: Ranker,
    counts: TransitionCounts,
    valid: Sessions,
    plays: Ints,
    weights: Sequence[float] = WEIGHTS,
) -> float:
    """Give the weight with the best MRR@20 and HR@10, added, on validation sessions.

    `counts` are a bundle's (`Counted.shares`), `plays` (N + 1,) those of training.
    """
    once = _Remembered(network), _Remembered(LogShares(counts, network.n_items))
    rankers = [HybridRanker(*once, weight) for weight in weights]
    figures = [found.metrics() for found in evaluate(rankers, valid, plays, ranks_only=True)]
    worth = [(f["mrr@20"] or 0) + (f["hit_rate@10"] or 0) for f in figures]
    return weights[int(np.argmax(worth))]


def parts_of(model: Encoder, counted: Counted | None, plays: Ints) -> dict[str, Any]:
    """Give what `write_bundle` is told of a network, alone or with counts beside it."""
    if counted is None:
        return {
            "architecture": model.architecture, "config": asdict(model.config), "model": model,
        }  # fmt: skip
    return {
        "architecture": ARCHITECTURE,
        "config": {
            "network": model.architecture, **asdict(model.config), "counts": asdict(counted.config),
        },
        "model": model,
        "counts": counted.shares(plays),
        "weight": counted.weight,
    }  # fmt: skip


class _Remembered:
    """A ranker that is asked the same by several others, one after another."""

    listed: int | None = None

    def __init__(self, ranker: Ranker) -> None:
        self.name, self.n_items = ranker.name, ranker.n_items
        self._ranker = ranker
        self._asked: Questions | None = None
        self._answer: Floats

    def scores(self, questions: Questions, allowed: Bools | None = None) -> Floats:
        if questions is not self._asked:
            self._asked, self._answer = questions, self._ranker.scores(questions)
        return self._answer
