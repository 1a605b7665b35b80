"""Two stages: a ranker, and behind it the second stage that was fitted on sessions it did not see.

The second stage is fitted on half of the validation sessions, since the first stage and the counts
know the training sessions by heart and would be trusted too much; the other half chooses the epoch.
All that is no candidate keeps its place below them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from export.rerank import rerank_graph
from streams.candidates import Describer
from streams.continuations import Continuations
from streams.reranking import Reranking
from streams.scoring import perceptron
from streams.second_stage import SecondStage

from ..counting.ngrams import continuations
from ..questions import Bools, Floats, Ints, ProtocolName, Questions, Ranker
from ..reproducible import reproducible
from ..sessions import Sessions
from .candidates import best, skip_rates
from .lessons import lessons
from .rerank import RerankConfig, Reranker, fit


class TwoStage:
    """A ranker whose first candidates are put in a new order."""

    listed: int | None = None

    def __init__(
        self, first: Ranker, second: Reranking, *, most: int, length: int, name: str
    ) -> None:
        """`most` candidates are ranked again; `length` occurrences count as the session."""
        self.name, self.n_items = name, first.n_items
        self._first, self._second, self._most, self._length = first, second, most, length

    def scores(self, questions: Questions, allowed: Bools | None = None) -> Floats:
        """Score every item: candidates above the least of them, the others as the first stage."""
        scores = self._first.scores(questions)
        items, before = best(questions, scores, self._most)
        after = self._second.scores(before, items, *questions.windows(self._length))
        finite = np.isfinite(after)
        least = np.min(before, axis=1, keepdims=True, where=finite, initial=np.inf)
        lowest = np.min(after, axis=1, keepdims=True, where=finite, initial=np.inf)
        raised = np.where(finite, after - lowest + least, -np.inf)
        np.put_along_axis(scores, items, raised, axis=1)
        return scores


@dataclass(frozen=True, eq=False)
class Fitted:
    """A second stage, and what it is told by."""

    model: Reranker
    continuations: Continuations
    skips: NDArray[np.float32]  # (N + 1,)
    config: RerankConfig
    chosen: Sessions  # those that chose the epoch: it was fitted on none of them

    def behind(self, first: Ranker, plays: Ints, length: int, name: str = "two-stage") -> TwoStage:
        """Put it behind a ranker; `plays` (N + 1,) in training."""
        return TwoStage(
            first,
            Reranking(Describer(self.continuations, plays, self.skips), self._perceptron),
            most=self.config.candidates,
            length=length,
            name=name,
        )

    def exported(self) -> SecondStage:
        """Give what a bundle holds of it; BundleError if the graph computes otherwise."""
        graph = rerank_graph(self.model)
        return SecondStage(graph, self.continuations, self.skips, self.config.candidates)

    @torch.no_grad()
    def _perceptron(
        self, features: NDArray[np.float32], context: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        found = self.model.raised(torch.from_numpy(features), torch.from_numpy(context))
        return found.numpy()


def second_stage(
    first: Ranker,
    train: Sessions,
    valid: Sessions,
    config: RerankConfig,
    *,
    length: int,
    seed: int = 0,
    protocol: ProtocolName = "next-track",
    say: Callable[[str], None] = lambda line: None,
) -> Fitted:
    """Fit a second stage for `first`, which was fitted on `train`, on sessions it did not see.

    `length` occurrences count as the session, as many as the first stage reads. The same seed gives
    the same numbers on a CPU.

    Raises:
        ValueError: the catalog has one track, or a half of `valid` asks about nothing known.
    """
    say("describing the candidates of the validation sessions")
    counted, skips = continuations(train, config.most), skip_rates(train)
    describer = Describer(counted, train.counts(), skips)
    order = np.random.default_rng(seed).permutation(len(valid))
    halves = [valid.select(np.sort(half)) for half in (order[::2], order[1::2])]
    asked = {
        "length": length,
        "candidates": config.candidates,
        "questions": config.questions,
        "seed": seed,
    }
    fitted, chosen = (lessons(first, describer, half, protocol, **asked) for half in halves)
    with reproducible(seed, threads=1):
        model = fit(fitted, chosen, config, say)
    return Fitted(model, counted, skips, config, halves[1])


def served_behind(
    first: Ranker, second: SecondStage, plays: Ints, length: int, name: str = "two-stage"
) -> TwoStage:
    """Put a bundle's second stage behind a ranker, over its catalog or one that goes on after it.

    `plays` (N + 1,) are of that catalog.
    """
    describer = second.grown(len(plays) - 1).describer(plays)
    reranking = Reranking(describer, perceptron(second.graph))
    return TwoStage(first, reranking, most=second.candidates, length=length, name=name)
