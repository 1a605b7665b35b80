"""Leave one out: each user's last item, ranked among 99 others, among all that is new, among all.

He et al., "Neural Collaborative Filtering" (WWW 2017, section 4.1) made the first a custom, which
Ibero, Pérez & Martínez (UPC, 2021, section 4) follow; the second is their protocol for Spotify
("all negatives available"). Sampled figures do not order models as full ranking does (Krichene &
Rendle, KDD 2020), so all three stand side by side. Among what is new, an item that the user did
have before is a candidate only where it is the right answer, which makes repeats easy; the third
masks nothing. Ties count against the model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ..evaluation import metrics
from .interactions import Interactions

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.floating]

LISTED = 10
_SCORES = 2_000_000  # held at once


class Scorer(Protocol):
    """Anything that scores the catalog for rows of features."""

    def scores(self, features: Ints, users: Ints) -> Floats:
        """Score every item, (q, F), (q,) -> (q, N)."""


class Ranked(NamedTuple):
    """Where each user's last item came, and how much of the catalog stood in any list of ten."""

    sampled: Ints  # (Q,) rank among it and the negatives
    new: Ints  # (Q,) among it and all that the user does not have
    every: Ints  # (Q,) among all items
    sampled_coverage: float
    new_coverage: float

    def figures(self, k: int = LISTED) -> dict[str, float]:
        """Hit rate and NDCG of each protocol, and coverage of lists of ten."""
        found = {}
        for name in ("sampled", "new", "every"):
            ranks: Ints = getattr(self, name)
            found[f"{name}_hit_rate@{k}"] = metrics.hit_rate(ranks, k)
            found[f"{name}_ndcg@{k}"] = metrics.ndcg(ranks, k)
        return found | {
            f"sampled_coverage@{LISTED}": self.sampled_coverage,
            f"new_coverage@{LISTED}": self.new_coverage,
        }


@dataclass(frozen=True, eq=False)
class Exam:
    """The questions, with the same negatives for whoever is asked."""

    asked: Interactions  # one row of each user, users rising
    pairs: Ints  # user * N + item of what users have, rising
    negatives: Ints  # (Q, K)

    @classmethod
    def of(cls, train: Interactions, asked: Interactions, seed: int, negatives: int = 99) -> Exam:
        """Draw negatives without repetition from what a user does not have.

        Raises:
            ValueError: nobody is asked, or somebody has so much that there are not enough.
        """
        if not len(asked):
            raise ValueError("nobody has two items or more, so that nothing can be left out")
        exam = cls(asked, train.pairs(), np.empty((0, negatives), np.int64))
        rng = np.random.default_rng(seed)
        drawn = []
        for rows, new in exam._chunks():
            new[np.arange(len(new)), asked.items[rows]] = False
            if (fewest := int(new.sum(axis=1).min())) < negatives:
                raise ValueError(
                    f"a user has only {fewest} items left to be set against the last one, expected "
                    f"{negatives} or more: the catalog of {asked.n_items} is too small"
                )
            keys = np.where(new, rng.random(new.shape, np.float32), 2)
            drawn.append(np.argpartition(keys, negatives - 1, axis=1)[:, :negatives])
        return cls(asked, exam.pairs, np.concatenate(drawn))

    def rank(self, scorer: Scorer) -> Ranked:
        """Ask everything."""
        ranks: list[list[Ints]] = [[], [], []]
        listed: list[list[Ints]] = [[], []]
        for rows, new in self._chunks():
            asked = self.asked.select(np.arange(rows.start, rows.stop))
            scores = scorer.scores(asked.features, asked.users)  # (q, N)
            at = np.arange(len(scores)), asked.items
            own = scores[at][:, None]
            before = ~(scores < own)  # the item itself among them
            candidates = np.concatenate([self.negatives[rows], asked.items[:, None]], axis=1)
            new[at] = True
            ranks[0].append(np.take_along_axis(before, candidates, axis=1).sum(axis=1))
            ranks[1].append((before & new).sum(axis=1))
            ranks[2].append(before.sum(axis=1))
            first = _best(np.take_along_axis(scores, candidates, axis=1))
            listed[0].append(np.take_along_axis(candidates, first, axis=1))
            listed[1].append(_best(np.where(new, scores, -np.inf)))
        sampled, new_ranks, every = (np.concatenate(part) for part in ranks)
        covered = [
            metrics.coverage(metrics.exposure(np.concatenate(part) + 1, self.asked.n_items))
            for part in listed
        ]
        return Ranked(sampled, new_ranks, every, *covered)

    def _chunks(self) -> Iterator[tuple[slice, Bools]]:
        """Rows of questions, and which items are new to each, (q, N), the caller's."""
        n_items, users = self.asked.n_items, self.asked.users
        size = max(1, _SCORES // n_items)
        for start in range(0, len(users), size):
            rows = slice(start, min(start + size, len(users)))
            place = np.full(users[rows][-1] + 1, -1)
            place[users[rows]] = np.arange(rows.stop - rows.start)
            begin, end = np.searchsorted(
                self.pairs, [users[start] * n_items, (users[rows.stop - 1] + 1) * n_items]
            )
            user, item = np.divmod(self.pairs[begin:end], n_items)
            mine = place[user] >= 0
            new = np.ones((rows.stop - rows.start, n_items), np.bool_)
            new[place[user[mine]], item[mine]] = False
            yield rows, new


def _best(scores: Floats) -> Ints:
    """Columns of the ten highest in each row, in no order."""
    count = min(LISTED, scores.shape[1])
    return np.argpartition(-scores, count - 1, axis=1)[:, :count]
