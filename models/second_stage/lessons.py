"""Questions as a second stage learns from them: candidates, the target, and what came after it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from streams.candidates import Describer, below

from ..evaluation.evaluate import HORIZON, SKIPPED
from ..questions import HEARD, Asked, Ints, ProtocolName, Ranker, ask
from ..sessions import Sessions
from .candidates import best

_SCORES = 500_000  # asked for at once


class Lessons(NamedTuple):
    """Questions with their candidates, and what happened."""

    scores: Tensor  # (n, K) below the best one's; -inf where there is no candidate
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
    length: int,
    candidates: int,
    questions: int,
    seed: int,
) -> Lessons:
    """Ask about sessions, and keep about so many `questions` at most, drawn at random.

    Each has the best `candidates` of the ranker `first`; `length` occurrences count as the session.

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
            items, scores = best(taken, first.scores(taken), candidates)
            told = describer.describe(scores, items, *taken.windows(length))
            parts = (np.where(np.isneginf(scores), scores, below(scores)), *told)
            found.append(Lessons(*map(torch.from_numpy, (*parts, *_outcome(items, asked, kept)))))
    return Lessons(*(torch.cat(parts) for parts in zip(*found, strict=True)))


def _outcome(items: Ints, asked: Asked, kept: Ints) -> tuple[NDArray[np.generic], ...]:
    """Give `target` and what is after it of a lesson; items are the candidates (n, K)."""
    following, outcomes = (part[kept] for part in asked.following(HORIZON))  # (n, H)
    places = _places(items, np.c_[asked.target[kept], following])
    parts = (places[:, 0], places[:, 1:], outcomes == HEARD, np.isin(outcomes, SKIPPED))
    return tuple(np.ascontiguousarray(part) for part in parts)


def _places(candidates: Ints, items: Ints) -> Ints:
    """Find items (n, H) among the candidates (n, K), (n, H); -1 where they are none."""
    same = (candidates[:, None, :] == items[:, :, None]) & (items > 0)[:, :, None]
    found: Ints = np.where(same.any(axis=2), same.argmax(axis=2), -1)
    return found
