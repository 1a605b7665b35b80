"""Session nearest neighbours: the sessions most like the one at hand, and what else was in them.

Three published rankers that differ in their weights alone:
VS-kNN, Ludewig & Jannach, "Evaluation of session-based recommendation algorithms" (UMUAI 2018);
VMIS-kNN, Kersbergen, Sprangers & Schelter, "Serenade" (SIGMOD 2022), which looks at the newest
sessions of each track alone, so that the work is bounded;
VSTAN, Ludewig, Mauro, Latifi & Jannach, "Empirical analysis of session-based recommendation
algorithms" (UMUAI 2021): VS-kNN with the three decays of STAN (Garg et al., SIGIR 2019).

Sessions are taken to stand in order of time; where they do not, "newest" is a fixed choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from ..questions import Bools, Questions
from ..sessions import Sessions
from .baselines import popularity_scores
from .csr import Csr, Floats, Ints, dense

_POSTINGS = 2_000_000  # pairs of a question and a session that are held at once


@dataclass(frozen=True, kw_only=True)
class SessionKnnConfig:
    """What makes a session similar, and what its tracks get for it."""

    neighbours: int = 100  # k: most similar sessions that count
    newest: int = 500  # m: sessions of each track that are looked at
    reads: int = 50  # newest tracks of the session at hand
    # Weight of a track that is b steps back of n tracks: 1 - b / n, its square, or exp(-b / decay).
    position: Literal["linear", "quadratic", "exponential"] = "linear"
    position_decay: float = 1.0
    cosine: bool = False  # divide by the square root of the neighbour's number of tracks
    age_decay: float | None = None  # exp(-age / this), in shares of all training sessions
    distance_decay: float | None = None  # exp(-|d| / this), d to the newest track in common
    match: bool = False  # 1 - .1 b, at least 0, with b of the newest track in common
    idf: float = 1.0  # power of log(S / sessions with the track)

    def __post_init__(self) -> None:
        """Refuse what finds nothing."""
        if min(self.neighbours, self.newest, self.reads) < 1:
            raise ValueError(f"neighbours, newest and reads must be 1 or more, got {self}")
        decays = (self.position_decay, self.age_decay, self.distance_decay)
        if min(1.0 if decay is None else decay for decay in decays) <= 0:
            raise ValueError(f"every decay must be above 0, got {self}")


VS_KNN = SessionKnnConfig(newest=1000, position="quadratic", idf=0)
VMIS_KNN = SessionKnnConfig(neighbours=500, reads=2, match=True)
VSTAN = SessionKnnConfig(
    neighbours=500, position="exponential", position_decay=4.2, cosine=True, age_decay=1.0,
    distance_decay=4.2,
)  # fmt: skip


class _Alike(NamedTuple):
    """Pairs of a question and a session with a track in common, by question, then session."""

    question: Ints
    session: Ints
    back: Ints  # steps from the question's newest track to the newest one in common
    place: Ints  # of that track in the session found
    likeness: Floats

    def where(self, chosen: Bools) -> _Alike:
        return _Alike(
            self.question[chosen],
            self.session[chosen],
            self.back[chosen],
            self.place[chosen],
            self.likeness[chosen],
        )


class SessionKnn:
    """Ranks the tracks of the nearest training sessions, then everything else by plays."""

    listed: int | None = None

    def __init__(self, sessions: Sessions, config: SessionKnnConfig, name: str) -> None:
        self.name = name
        self.n_items = sessions.n_items
        self._config = config
        self._count = len(sessions)
        items, owner, place = _distinct(sessions)
        frequency = np.bincount(items, minlength=self.n_items + 1)
        self._idf = np.log(self._count / np.maximum(frequency, 1)) ** config.idf
        self._sizes = np.bincount(owner, minlength=self._count)
        self._tracks = Csr.of(owner, items, place, self._count)
        last = np.cumsum(frequency)[items]  # entries are by item, its newest sessions last
        newest = np.arange(len(items)) >= last - config.newest
        self._holders = Csr.of(items[newest], owner[newest], place[newest], self.n_items + 1)
        self._places = int(place.max(initial=0)) + 1
        self._decays = np.ones(self._places)
        if config.distance_decay is not None:
            self._decays = np.exp(-np.arange(self._places) / config.distance_decay)
        self._backfill = popularity_scores(sessions.counts()) * 1e-12

    @classmethod
    def fit(
        cls, sessions: Sessions, config: SessionKnnConfig = VMIS_KNN, name: str = "vmis-knn"
    ) -> SessionKnn:
        """Index the sessions by their tracks."""
        return cls(sessions, config, name)

    def scores(self, questions: Questions, allowed: Bools | None = None) -> Floats:
        """Score every item, questions with many sessions to look at in several parts."""
        items, _, lengths = questions.windows(self._config.reads)
        work = np.cumsum(np.diff(self._holders.starts)[items].sum(axis=1))
        parts = np.searchsorted(work, np.arange(_POSTINGS, work[-1], _POSTINGS), side="right")
        found = np.empty((len(lengths), self.n_items + 1))
        for rows in np.split(np.arange(len(lengths)), np.unique(parts)):
            if len(rows):
                found[rows] = self._scored(items[rows], lengths[rows])
        return found

    def _scored(self, items: Ints, lengths: Ints) -> Floats:
        """Score every item after these newest tracks, (n, T), (n,) -> (n, N + 1)."""
        near = self._nearest(self._alike(items, lengths), len(lengths))
        likeness = near.likeness * self._matched(near.back)
        which, at = self._tracks.entries(near.session)
        tracks = self._tracks.columns[at]
        distance = np.abs(self._tracks.values[at] - near.place[which])
        values = likeness[which] * self._idf[tracks] * self._decays[distance]
        shape = (len(lengths), self.n_items + 1)
        return dense(near.question[which], tracks, values, shape) + self._backfill

    def _matched(self, back: Ints) -> Floats:
        return np.maximum(0, 1 - 0.1 * back) if self._config.match else np.ones(len(back))

    def _alike(self, items: Ints, lengths: Ints) -> _Alike:
        """Find the sessions that share a track with each question, and how alike they are."""
        span = items.shape[1]
        question, column = np.nonzero((items > 0) & _last_of_its_kind(items))
        steps = lengths[question] - 1 - column
        which, at = self._holders.entries(items[question, column])
        # One number that sorts by question, session, and how far back: numpy sorts it in a blink.
        keys = (question[which] * self._count + self._holders.columns[at]) * span + steps[which]
        keys = np.sort(keys * self._places + self._holders.values[at])
        keys, place = np.divmod(keys, self._places)
        pairs, back = np.divmod(keys, span)
        begins = np.flatnonzero(np.diff(pairs, prepend=-1))
        asked, session = np.divmod(pairs, self._count)
        weights = self._weights(back, lengths[asked])
        summed = np.add.reduceat(weights, begins) if len(begins) else weights
        found = _Alike(asked[begins], session[begins], back[begins], place[begins], summed)
        if self._config.cosine:
            summed = summed / np.sqrt(self._sizes[found.session])
        if self._config.age_decay is not None:
            age = (self._count - 1 - found.session) / self._count
            summed = summed * np.exp(-age / self._config.age_decay)
        return found._replace(likeness=summed)

    def _weights(self, back: Ints, lengths: Ints) -> Floats:
        """Weight of tracks so many steps back in sessions of these lengths, (m,), (m,) -> (m,)."""
        if self._config.position == "exponential":
            return np.exp(-back / self._config.position_decay)
        share = 1 - back / lengths
        return share if self._config.position == "linear" else share**2

    def _nearest(self, found: _Alike, questions: int) -> _Alike:
        """Keep the k most alike of each question; of equal ones (in float32) the newest."""
        sizes = np.bincount(found.question, minlength=questions)
        most, k = int(sizes.max(initial=0)), self._config.neighbours
        if most <= k:
            return found
        nth = np.arange(len(found.question)) - (np.cumsum(sizes) - sizes)[found.question]
        # Floats above 0 are in the order of their bits.
        bits = found.likeness.astype(np.float32).view(np.uint32).astype(np.uint64)
        keys = np.zeros((questions, most), dtype=np.uint64)
        keys[found.question, nth] = bits << np.uint64(32) | found.session.astype(np.uint64)
        least = np.partition(keys, most - k, axis=1)[:, most - k]
        return found.where(keys[found.question, nth] >= least[found.question])


def _distinct(sessions: Sessions) -> tuple[Ints, Ints, Ints]:
    """Each known track of each session once, by item, then session: item, session, newest place."""
    owner = np.repeat(np.arange(len(sessions)), sessions.lengths)
    place = np.arange(len(sessions.items)) - sessions.offsets[owner]
    known = sessions.items > 0
    items, owner, place = sessions.items[known].astype(np.int64), owner[known], place[known]
    order = np.lexsort((place, owner, items))
    items, owner, place = items[order], owner[order], place[order]
    last = np.ones(len(order), dtype=np.bool_)
    last[:-1] = (np.diff(items) != 0) | (np.diff(owner) != 0)
    return items[last], owner[last], place[last]


def _last_of_its_kind(items: Ints) -> Bools:
    """Whether a track does not come again later in its row, (n, T)."""
    order = np.argsort(items, axis=1, kind="stable")
    ordered = np.take_along_axis(items, order, axis=1)
    last = np.ones(items.shape, dtype=np.bool_)
    last[:, :-1] = ordered[:, 1:] != ordered[:, :-1]
    found = np.empty_like(last)
    np.put_along_axis(found, order, last, axis=1)
    return found
