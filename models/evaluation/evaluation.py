"""What one ranker did with every target it was asked for, and the figures that sum it up.

The asking is in evaluate.py, the arithmetic of each figure in metrics.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..questions import Bools, Floats, Ints
from . import metrics

T = TypeVar("T", bound=np.generic)
CUTOFFS = (1, 5, 10, 20)
LISTED = 10  # tracks of each list that count for coverage, Gini coefficient and popularity lift
_FAMILIES = {
    "hit_rate": metrics.hit_rate,
    "recall": metrics.recall,
    "mrr": metrics.mrr,
    "ndcg": metrics.ndcg,
}


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Answers of one ranker to n questions; `metrics()` sums them up.

    What is None was not asked, or cannot be told of a ranker that gives lists only.
    """

    model: str
    session: Ints  # (n,) number of the session
    heard: Bools  # (n,) whether the target was listened to
    ranks: Ints  # (n,)
    sampled_ranks: Ints | None = None  # (n,) among sampled tracks
    target: Ints | None = None  # (n,) the target's item
    listed: Ints | None = None  # (n, LISTED) the first tracks of each list, in no order; 0 is none
    plays: Ints | None = None  # (N + 1,) in training
    won: Floats | None = None  # (n,) pairs in which the heard track outscored the skipped one
    pairs: Ints | None = None  # (n,) heard and skipped tracks still to come, each with each

    def of(self, questions: Bools) -> Evaluation:
        """Give the answers to some of the questions, (n,)."""
        return replace(
            self,
            session=self.session[questions],
            heard=self.heard[questions],
            ranks=self.ranks[questions],
            sampled_ranks=_some(self.sampled_ranks, questions),
            target=_some(self.target, questions),
            listed=_some(self.listed, questions),
            won=_some(self.won, questions),
            pairs=_some(self.pairs, questions),
        )

    @property
    def skip_pairs(self) -> int:
        """Pairs that the skip AUC rests on."""
        return 0 if self.pairs is None else int(self.pairs.sum())

    @property
    def skip_auc(self) -> float | None:
        """Chance that a heard track still to come outscores a skipped one, from one context."""
        if self.won is None or not self.skip_pairs:
            return None
        return float(self.won.sum()) / self.skip_pairs

    @property
    def coverage(self) -> float | None:
        """Share of the catalog in any list of LISTED."""
        return self._spread()[f"coverage@{LISTED}"]

    def metrics(self) -> dict[str, float | int | None]:
        """Every figure by name, those of heard targets as `heard_…`; None where nothing counts."""
        found: dict[str, float | int | None] = {}
        for name, figure in _FAMILIES.items():
            found |= {f"{name}@{k}": figure(self.ranks, k) for k in CUTOFFS}
        found["targets"] = len(self.ranks)
        heard = self.ranks[self.heard]
        for name, figure in _FAMILIES.items():
            if name != "recall":  # the hit rate's twin, for papers that call it so
                found |= {f"heard_{name}@{k}": figure(heard, k) for k in CUTOFFS}
        found["heard_targets"] = len(heard)
        if self.sampled_ranks is not None:
            for k in CUTOFFS:
                found[f"sampled_hit_rate@{k}"] = metrics.hit_rate(self.sampled_ranks, k)
        found |= self._spread() | {"skip_auc": self.skip_auc}
        return {
            name: value if value is not None and np.isfinite(value) else None
            for name, value in found.items()
        }

    def row(self) -> dict[str, Any]:
        """Give the record that `segue eval --json` prints."""
        return {"model": self.model, "metrics": self.metrics()}

    def _spread(self) -> dict[str, float | None]:
        """How far over the catalog the lists reach, and how popular their tracks are."""
        names = [f"{name}@{LISTED}" for name in ("coverage", "gini", "popularity_lift")]
        if self.listed is None or self.plays is None or self.target is None:
            return dict.fromkeys(names)
        exposed = metrics.exposure(self.listed, len(self.plays) - 1)
        lift = metrics.popularity_lift(self.listed, self.target, self.plays)
        return dict(
            zip(names, (metrics.coverage(exposed), metrics.gini(exposed), lift), strict=True)
        )


def _some(values: NDArray[T] | None, questions: Bools) -> NDArray[T] | None:
    return None if values is None else values[questions]
