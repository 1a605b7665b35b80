"""Questions about the end of one history, and a check of all scores against a plain computation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from models.questions import Questions, Ranker, ask
from models.sessions import Sessions

Plain = Callable[[list[int]], dict[int, float]]  # history of items -> item: score


def after(*items: int) -> Questions:
    """One question: what follows these?"""
    row = np.array([items])
    one = np.array([0])
    return Questions(row, 0 * row, one, np.array([len(items)]), row[:, -1])


def agree(ranker: Ranker, sessions: Sessions, plain: Plain) -> None:
    """Ask about every position; items that the plain one does not name score almost nothing."""
    for asked in ask(sessions, "next-track", 200):
        warm = asked.questions.take(np.flatnonzero(asked.questions.depth))
        if not len(warm.row):
            continue
        for row, depth, scores in zip(warm.row, warm.depth, ranker.scores(warm), strict=True):
            wanted = np.zeros(len(scores))
            for item, score in plain(warm.items[row, :depth].tolist()).items():
                wanted[item] = score
            assert scores[1:] == pytest.approx(wanted[1:], rel=1e-6, abs=1e-11)
