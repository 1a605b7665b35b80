"""Rankers: a network in torch, and a whole bundle as it is served.

What is masked, what counts as a hit and which sessions are asked is not theirs to say (evaluate.py
does); the rankers that only count are in counting/baselines.py.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from streams.bundle import Bundle
from streams.ranking import BundleScorer, Engine
from streams.scoring import load_scorer, make_engine
from streams.settings import ScoringSettings

from ..encoders.encoder import Encoder
from ..questions import Bools, Floats, Ints, Questions

_BATCH = 256
_LISTED = 100
_UNKNOWN = ""  # no catalog holds it


class NeuralRanker:
    """A network in torch."""

    listed: int | None = None

    def __init__(self, model: Encoder, name: str | None = None) -> None:
        self.name = name or model.architecture
        self.n_items = model.config.items
        self._model = model
        self._device = model.item_embedding.weight.device

    @torch.no_grad()
    def scores(self, questions: Questions, allowed: Bools | None = None) -> Floats:
        """Score every item."""
        training = self._model.training
        self._model.eval()
        sessions = self._sessions(questions)
        self._model.train(training)
        logits: Floats = self._model.logits(sessions).float().cpu().numpy()
        return logits

    def _sessions(self, questions: Questions) -> torch.Tensor:
        """Encode the questions, (n, D): all of a session at once where it fits the encoder."""
        model, length = self._model, self._model.config.length
        if model.causal and questions.items.shape[1] <= length:
            states = model.states(self._tensor(questions.items), self._tensor(questions.outcomes))
            return states[self._tensor(questions.row), self._tensor(questions.depth - 1)]
        items, outcomes, lengths = questions.windows(length)
        order = np.argsort(lengths, kind="stable")  # long ones together: less padding is encoded
        result = torch.empty(len(order), model.config.width, device=self._device)
        for start in range(0, len(order), _BATCH):
            chosen = order[start : start + _BATCH]
            longest = lengths[chosen[-1]]
            parts = items[chosen, :longest], outcomes[chosen, :longest], lengths[chosen]
            result[self._tensor(chosen)] = model(*map(self._tensor, parts)).float()
        return result

    def _tensor(self, array: Ints) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self._device)


class BundleRanker:
    """A bundle, asked through the Scorer that serves it: fallbacks and masks are its own."""

    def __init__(self, bundle: Bundle, engine: Engine) -> None:
        self.bundle, self._engine = bundle, engine
        self._scorer = BundleScorer(bundle, engine, k=_LISTED)
        self.name = self.bundle.manifest.name
        self.n_items = len(self.bundle.catalog)
        self.listed: int | None = self._engine.cutoff
        # Counts tie all the time, and their lists have an order by rule. A network does not tie
        # unless it has collapsed, and then ties must count against it.
        self._may_tie = self.bundle.encoder is not None

    @classmethod
    def at(cls, path: Path, *, provider: str = "auto", threads: int = 1) -> BundleRanker:
        """Load the bundle of a folder as a worker does.

        Raises:
            BundleError: it cannot be served.
        """
        settings = ScoringSettings.model_validate(
            {"k": _LISTED, "provider": provider, "threads": threads}
        )
        bundle = load_scorer(path, settings).bundle
        return cls(bundle, make_engine(bundle, settings))

    def scores(self, questions: Questions, allowed: Bools | None = None) -> Floats:
        """Score what it lists; with `allowed`, every other item is excluded from the list."""
        items, outcomes, lengths = questions.windows(self._engine.length)
        sessions = [
            list(zip(row_items[:length], row_outcomes[:length], strict=True))
            for row_items, row_outcomes, length in zip(
                items.tolist(), outcomes.tolist(), lengths.tolist(), strict=True
            )
        ]
        result = np.full((len(sessions), self.n_items + 1), -np.inf, dtype=np.float32)
        for start in range(0, len(sessions), _BATCH):
            rows = slice(start, start + _BATCH)
            if allowed is None:
                self._served(sessions[rows], questions.current[rows], result[rows])
            else:
                self._among(sessions[rows], allowed[rows], result[rows])
        return result

    def _served(self, sessions: list[list[tuple[int, int]]], current: Ints, result: Floats) -> None:
        catalog = self.bundle.catalog
        histories = [
            [(catalog.track_ids[item - 1], outcome) for item, outcome in session]
            + ([] if newest else [(_UNKNOWN, 0)])
            for session, newest in zip(sessions, current.tolist(), strict=True)
        ]
        for row, ranking in zip(result, self._scorer.rank(histories), strict=True):
            for rank, (track_id, score) in enumerate(ranking.items):
                row[catalog.index[track_id]] = score if self._may_tie else -rank

    def _among(self, sessions: list[list[tuple[int, int]]], allowed: Bools, result: Floats) -> None:
        excluded = [np.flatnonzero(~row[1:]) + 1 for row in allowed]
        exclude = np.zeros((len(sessions), max(map(len, excluded))), dtype=np.int64)
        for row, items in zip(exclude, excluded, strict=True):
            row[: len(items)] = items
        scores, candidates = self._engine.top(sessions, exclude)
        if not self._may_tie:
            scores = np.where(np.isfinite(scores), -np.arange(self._engine.cutoff), scores)
        np.put_along_axis(result, candidates, scores, axis=1)
