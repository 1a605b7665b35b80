"""From histories of tracks to ranked tracks: what is masked, what is unknown, what falls back.

The numbers come from an Engine (a network in scoring.py, counts in counts.py); these rules are the
same for all of them, so that a list means the same whichever bundle gave it.
"""

from __future__ import annotations

import logging
import math
import statistics
import time
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from .bundle import Bundle

logger = logging.getLogger(__name__)

_OUTCOMES = dict(zip(range(5), range(5), strict=True))  # any other code is a damaged history
_TIMED = 9  # of which the median is taken
History = Sequence[tuple[str, int]]  # (track_id, outcome), oldest first; the last is current


class Ranking(NamedTuple):
    """What one session is offered."""

    items: tuple[tuple[str, float], ...]  # (track_id, score), best first; scores never rise
    fallback: str | None  # None | cold_start | unknown_track | degraded


class Engine(Protocol):
    """Scores sessions of items; raises when it cannot."""

    provider: str  # what computes: "cpu" or "cuda"
    length: int  # newest occurrences that it reads
    cutoff: int  # K

    def top(
        self, sessions: Sequence[Sequence[tuple[int, int]]], exclude: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Give scores and candidates, (B, K), best first; -inf where an item is excluded.

        `sessions` are non-empty (item, outcome) sequences; `exclude` is (B, M), padded with 0.
        """


class _Question(NamedTuple):
    session: list[tuple[int, int]]  # known occurrences, oldest first; empty: nothing to score
    current: int  # item of the newest track, 0 if unknown
    masked: frozenset[int]  # items that must not be offered
    fallback: str | None


class BundleScorer:
    """The Scorer of one bundle; a second thread may time it while it serves (pace.py)."""

    def __init__(
        self,
        bundle: Bundle,
        engine: Engine,
        *,
        k: int = 10,
        no_session_repeats: bool = False,
        buckets: Sequence[int] = (1, 8, 32, 64, 256),
    ) -> None:
        self.bundle = bundle
        self.name = bundle.manifest.name
        self.version = bundle.manifest.version
        self.provider = engine.provider
        self._engine = engine
        self._k = k
        self._no_session_repeats = no_session_repeats
        self._buckets = sorted(buckets)
        catalog = bundle.catalog
        plays = max(sum(catalog.counts), 1)
        self._size = len(catalog)
        self._plays = [
            (item, catalog.track_ids[item - 1], catalog.counts[item - 1] / plays)
            for item in catalog.popular
        ]
        self._failing = False
        self.row_seconds = math.inf
        """What a session alone takes, as `warm` measured it."""

    def rank(self, histories: Sequence[History]) -> list[Ranking]:
        """Rank the next tracks of each session; a row that cannot be scored is `degraded`."""
        questions = [self._question(history) for history in histories]
        asked = [question for question in questions if question.session]
        size = self._buckets[-1]
        batches = (asked[start : start + size] for start in range(0, len(asked), size))
        scored = iter([ranking for batch in batches for ranking in self._answers(batch)])
        rankings = [
            next(scored) if question.session else self._popular(question, question.fallback)
            for question in questions
        ]
        self._note(any(ranking.fallback == "degraded" for ranking in rankings))
        return rankings

    def warm(self) -> None:
        """Run every batch size once, so that no listener waits for the first of its kind."""
        history = [(self._plays[0][1], 1)] * self._engine.length
        for size in self._buckets:
            self.rank([history] * size)
        taken = []
        for _ in range(_TIMED):
            began = time.perf_counter()
            self.rank([history])
            taken.append(time.perf_counter() - began)
        self.row_seconds = statistics.median(taken)

    def _question(self, history: History) -> _Question:
        """Turn tracks into items; what the catalog does not know is left out."""
        index = self.bundle.catalog.index
        reach = len(history) if self._no_session_repeats else self._engine.length
        known: list[tuple[int, int]] = []  # newest first
        try:
            for track_id, outcome in reversed(history):
                if (item := index.get(track_id)) is not None:
                    known.append((item, _OUTCOMES[outcome]))
                    if len(known) >= reach:
                        break
            current = index.get(history[-1][0], 0) if history else 0
        except (LookupError, TypeError, ValueError):
            if not self._failing:
                logger.exception("%s: a session cannot be read", self.version)
            return _Question([], 0, frozenset(), "degraded")
        masked = [item for item, _ in known] if self._no_session_repeats else []
        fallback = None if current else "unknown_track" if known else "cold_start"
        return _Question(
            known[: self._engine.length][::-1],
            current,
            frozenset((*masked, current)) - {0},
            fallback,
        )

    def _answers(self, questions: list[_Question]) -> list[Ranking]:
        """Score a batch; when it fails, halve it, so that only the guilty row is degraded."""
        width = max(1, max(len(question.masked) for question in questions))
        exclude = np.array(
            [[*q.masked, *[0] * (width - len(q.masked))] for q in questions], dtype=np.int64
        )  # (B, M)
        try:
            scores, candidates = self._engine.top([q.session for q in questions], exclude)
        except Exception:
            if len(questions) > 1:
                half = len(questions) // 2
                return self._answers(questions[:half]) + self._answers(questions[half:])
            if not self._failing:
                logger.exception("%s cannot score a session", self.version)
            return [self._popular(questions[0], "degraded")]
        finite = np.isfinite(scores)
        sound = (finite | np.isneginf(scores)).all(axis=1)
        # -inf is right where tracks are masked and no others are left; elsewhere it is damage.
        left = [min(self._engine.cutoff, self._size - len(q.masked)) for q in questions]
        sound &= finite.sum(axis=1) >= left
        return [
            self._ranking(question, items, values) if ok else self._popular(question, "degraded")
            for question, ok, items, values in zip(
                questions,
                sound.tolist(),
                candidates[:, : self._k].tolist(),
                scores[:, : self._k].tolist(),
                strict=True,
            )
        ]

    def _ranking(self, question: _Question, items: list[int], scores: list[float]) -> Ranking:
        tracks = self.bundle.catalog.track_ids
        ranked = tuple(
            (tracks[item - 1], score)
            for item, score in zip(items, scores, strict=True)
            if score > -math.inf
        )
        return Ranking(ranked, question.fallback) if ranked else self._popular(question, "degraded")

    def _popular(self, question: _Question, fallback: str | None) -> Ranking:
        """Give the most played tracks, scored by their share of all plays.

        Where the masks leave no track at all, they are lifted, the current track's last: a repeat
        is better than an empty list.
        """
        for masked in (question.masked, {question.current}, ()):
            allowed = (entry for entry in self._plays if entry[0] not in masked)
            if found := [(track, share) for _, track, share in islice(allowed, self._k)]:
                return Ranking(tuple(found), fallback)
        raise AssertionError("a catalog has at least one track")

    def _note(self, failing: bool) -> None:
        """Log when scoring begins to fail and when it works again; a metric counts the rows."""
        if failing != self._failing:
            level = logging.ERROR if failing else logging.INFO
            logger.log(level, "%s %s", self.version, "is degraded" if failing else "scores again")
        self._failing = failing
