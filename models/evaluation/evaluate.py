"""Three protocols over held-out sessions: every next track, or the last one; always full ranking.

`next-track` asks after each occurrence for the one that follows; `leave-last-out` asks for the last
track of each session, and ranks it also among 1,000 sampled tracks, as Seshadri & Knees do (2023,
section 4.1). Sampled figures do not order models as full ranking does (Krichene & Rendle, KDD 2020)
and stand beside it for comparison with that paper alone. The rules are those of serving: the
current track is masked, other repeats are allowed, tracks the catalog does not know are left out of
the history and are a miss as a target, and a session of which nothing is known gets the popular
tracks. `loo-full` asks for the last one too, but masks all that the session has had before, as is
the custom with films (Klenitskiy & Vasilev, arXiv:2309.07602). Training, and the choice of
sessions, are elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..counting.baselines import popularity_scores
from ..questions import HEARD, Asked, Bools, Floats, Ints, ProtocolName, Questions, Ranker, ask
from ..sampling import unobserved
from ..sessions import Sessions
from . import metrics
from .evaluation import LISTED, Evaluation

T = TypeVar("T", bound=np.generic)

SKIPPED = (3, 4)  # early and at once: strengths 2 and 1
HORIZON = 20  # following occurrences in which heard and skipped tracks are compared
_SCORES = 500_000  # held at once for one ranker: 4 MB stay in a cache, and no page is faulted


def evaluate(
    rankers: Sequence[Ranker],
    sessions: Sessions,
    popularity: Ints,
    protocol: ProtocolName = "next-track",
    *,
    negatives: int = 1000,
    seed: int = 0,
    ranks_only: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Evaluation]:
    """Ask every ranker the same questions; `sessions` are over the rankers' catalog.

    `popularity` (N + 1,) are plays in training, for sessions of which nothing is known; `negatives`
    and `seed` are of the sampled figures; `ranks_only` leaves coverage and skip AUC out, which
    take as long as the rest; `progress` is told the sessions done and in all.
    """
    for ranker in rankers:
        if not ranker.n_items == sessions.n_items == len(popularity) - 1:
            raise ValueError(
                f"{ranker.name} ranks {ranker.n_items} tracks, the sessions' catalog has "
                f"{sessions.n_items} and popularity {len(popularity) - 1}: use reindexed()"
            )
    rng = np.random.default_rng(seed)
    cold = popularity_scores(popularity)
    tallies = [
        _Tally(ranker, popularity, cold, whole=ranker.listed is None and not ranks_only)
        for ranker in rankers
    ]
    done = 0
    for asked in ask(sessions, protocol, _SCORES):
        drawn = None
        if protocol == "leave-last-out":  # before any ranker answers: the same tracks for all
            drawn = unobserved(asked.items, sessions.n_items, negatives, rng)[asked.questions.row]
        size = max(1, _SCORES // (sessions.n_items + 1))  # one long session may be too many
        for start in range(0, len(asked.target), size):
            cut = slice(start, start + size)
            part = asked.take(cut)
            seen = part.seen() if protocol == "loo-full" else None
            for tally in tallies:
                tally.add(part, None if drawn is None else drawn[cut], seen)
        done += len(asked.items)
        progress(done, len(sessions))
    return [tally.evaluation() for tally in tallies]


@dataclass
class _Tally:
    """Answers of one ranker, gathered chunk by chunk."""

    ranker: Ranker
    plays: Ints  # (N + 1,)
    cold: Floats  # (N + 1,)
    whole: bool  # whether whole rankings are compared
    session: list[Ints] = field(default_factory=list)
    heard: list[Bools] = field(default_factory=list)
    ranks: list[Ints] = field(default_factory=list)
    target: list[Ints] = field(default_factory=list)
    sampled: list[Ints] = field(default_factory=list)
    listed: list[Ints] = field(default_factory=list)
    won: list[Floats] = field(default_factory=list)
    pairs: list[Ints] = field(default_factory=list)

    def add(self, asked: Asked, drawn: Ints | None, seen: Ints | None) -> None:
        scores = self._unseen(asked.questions, seen)
        self.session.append(asked.session)
        self.heard.append(asked.heard)
        self.target.append(asked.target)
        self.ranks.append(metrics.ranks(scores, asked.target))
        if drawn is not None:
            allowed = np.zeros(scores.shape, dtype=np.bool_)
            np.put_along_axis(allowed, np.c_[drawn, asked.target], True, axis=1)
            if self.ranker.listed is not None:  # its list of the whole catalog ends too early
                scores = self._scores(asked.questions, allowed)
            among = np.where(allowed, scores, -np.inf)
            self.sampled.append(metrics.ranks(among, asked.target))
        if self.whole:
            self._compare_whole_rankings(asked, scores)

    def evaluation(self) -> Evaluation:
        found = Evaluation(
            model=self.ranker.name,
            session=_joined(self.session, np.int64),
            heard=_joined(self.heard, np.bool_),
            ranks=_joined(self.ranks, np.int64),
            sampled_ranks=_joined(self.sampled, np.int64) if self.sampled else None,
            target=_joined(self.target, np.int64),
            plays=self.plays,
        )
        if not self.whole:
            return found
        return replace(
            found,
            listed=np.concatenate([np.zeros((0, LISTED), np.int64), *self.listed]),
            won=_joined(self.won, np.float64),
            pairs=_joined(self.pairs, np.int64),
        )

    def _unseen(self, questions: Questions, seen: Ints | None) -> Floats:
        """Ask, and mask what was `seen`, (n, L), 0 being nothing, beside the current track."""
        if seen is None:
            return self._scores(questions)
        allowed = None
        if self.ranker.listed is not None:  # what was seen must not take up places of its list
            allowed = np.ones((len(seen), len(self.cold)), dtype=np.bool_)
            np.put_along_axis(allowed, seen, False, axis=1)
        scores = self._scores(questions, allowed)
        np.put_along_axis(scores, seen, -np.inf, axis=1)
        return scores

    def _scores(self, questions: Questions, allowed: Bools | None = None) -> Floats:
        """Ask where something is known, give the popular tracks elsewhere, mask the current."""
        warm = np.flatnonzero(questions.depth)
        if len(warm) == len(questions.depth):
            scores = self.ranker.scores(questions, allowed)
        else:
            scores = np.empty((len(questions.depth), len(self.cold)))
            scores[questions.depth == 0] = self.cold
            if len(warm):
                only = None if allowed is None else allowed[warm]
                scores[warm] = self.ranker.scores(questions.take(warm), only)
        scores[np.arange(len(scores)), questions.current] = -np.inf
        scores[:, 0] = -np.inf
        return scores

    def _compare_whole_rankings(self, asked: Asked, scores: Floats) -> None:
        count = min(LISTED, scores.shape[1] - 1)
        first = np.argpartition(-scores, count - 1, axis=1)[:, :count]
        listed = np.zeros((len(scores), LISTED), np.int64)
        real = np.take_along_axis(scores, first, axis=1) > -np.inf
        listed[:, :count] = np.where(real, first, 0)
        self.listed.append(listed)
        items, outcomes = asked.following(HORIZON)  # (n, H)
        won, pairs = metrics.auc_pairs(
            np.take_along_axis(scores, items, axis=1),
            (items > 0) & (outcomes == HEARD),
            (items > 0) & np.isin(outcomes, SKIPPED),
        )
        self.won.append(won)
        self.pairs.append(pairs)


def _joined(parts: Sequence[NDArray[T]], dtype: type[T]) -> NDArray[T]:
    return np.concatenate([np.zeros(0, dtype), *parts])
