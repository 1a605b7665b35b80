"""Questions as a second stage learns from them: candidates, the target, and what came after it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..evaluation.evaluate import HORIZON, SKIPPED
from ..questions import HEARD, Asked, Ints, ProtocolName, Ranker, ask
from ..sessions import Sessions
from .candidates import Candidates, Describer

_SCORES = 500_000  # asked for at once


class Lessons(NamedTuple):
    """Questions with their candidates, and what happened."""

    scores: Tensor  # (n, K)
    features: Tensor  # (n, K, F)
    context: Tensor  # (n, G)
    target: Tensor  # (n,) place of the target among the candidates, -1 where it is none
    following: Tensor  # (n, H) places of the tracks that followed, -1 likewise
    heard: Tensor  # (n, H) whether each was listened to
    skipped: Tensor  # (n, H)

    def take(self, chosen: Tensor) -> Lessons:
        """Give some of the questions."""
        return Lessons(*(part[chosen] for part in self))


def lessons(
    first: Ranker,
    describer: Describer,
    sessions: Sessions,
    protocol: ProtocolName,
    *,
    candidates: int,
    questions: int,
    seed: int,
) -> Lessons:
    """Ask about sessions, and keep about so many `questions` at most, drawn at random.

    Each has the best `candidates` of the ranker `first`.

    Raises:
        ValueError: they ask nothing of which the catalog knows the session.
    """
    known = [each.questions.depth > 0 for each in ask(sessions, protocol, _SCORES)]
    total = sum(int(each.sum()) for each in known)
    if not total:
        raise ValueError(
            f"{len(sessions)} sessions, half of those to validate with, ask about no session that "
            "is known: a second stage is fitted on one half and chosen by the other; give more data"
        )
    rng, share, found = np.random.default_rng(seed), questions / total, []
    for asked, warm in zip(ask(sessions, protocol, _SCORES), known, strict=True):
        kept = np.flatnonzero(warm & (rng.random(len(warm)) < share))
        if len(kept):
            taken = asked.questions.take(kept)
            described = describer.describe(taken, first.scores(taken), candidates)
            found.append(_lessons(described, asked, kept))
    return Lessons(*(torch.cat(parts) for parts in zip(*found, strict=True)))


def _lessons(described: Candidates, asked: Asked, kept: Ints) -> Lessons:
    items, outcomes = (part[kept] for part in asked.following(HORIZON))  # (n, H)
    places = _places(described.items, np.c_[asked.target[kept], items])
    parts = (described.scores, described.features, described.context, places[:, 0], places[:, 1:],
             outcomes == HEARD, np.isin(outcomes, SKIPPED))  # fmt: skip
    return Lessons(*(torch.from_numpy(np.ascontiguousarray(part)) for part in parts))


def _places(candidates: Ints, items: Ints) -> Ints:
    """Find items (n, H) among the candidates (n, K), (n, H); -1 where they are none."""
    same = candidates[:, None, :] == items[:, :, None]
    found: Ints = np.where(same.any(axis=2), same.argmax(axis=2), -1)
    return found
