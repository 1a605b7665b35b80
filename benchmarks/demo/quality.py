"""How good the lists were: hits of the model beside popularity and Markov on the same occurrences.

What a hit is says design.md: the track of an occurrence after a session's first has rank 10 or
better in the list that was current; the worker writes that rank into the feedback record. The two
baselines are those of the base model's training sessions, asked by the same rules (the track before
is masked, tracks they do not know are misses), and stay as they were while the model learns.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple, Protocol

import msgspec

from streams.catalog import Catalog
from streams.events import SKIPPED_LATE, Feedback
from streams.feedback import tally
from streams.ranking import History, Ranking
from streams.session import Occurrence

K = 10
_decoder = msgspec.json.Decoder(Feedback)


class Ranker(Protocol):
    """What the Markov chain is asked through: a Scorer, or as much of one."""

    def rank(self, histories: list[History]) -> list[Ranking]:
        """Rank the next tracks of each history."""


class HitRates(NamedTuple):
    """Hit rate @10 over the same occurrences."""

    model: float
    popularity: float
    markov: float


class Quality:
    """Takes every feedback record, in the order of its session; repeats are passed over."""

    def __init__(self, markov: Ranker, catalog: Catalog) -> None:
        self.occurrences = 0  # after a session's first
        self.played = 0  # occurrences, the first ones too
        self.skips = 0  # of those
        self.listed_skips = 0  # of `occurrences`, skipped though the model had listed them
        self.by_version: dict[str, Counter[str]] = {}  # occurrences and hits of each model
        self._markov, self._catalog = markov, catalog
        self._hits: Counter[str] = Counter()
        self._played: dict[str, list[tuple[str, int]]] = {}  # by session: (track_id, outcome)
        self._seen: set[tuple[str, str, int]] = set()

    def feedback(self, value: bytes | None) -> None:
        """Take a record of the feedback topic."""
        record = _decoder.decode(value or b"")
        key = (record.session_id, record.event_id, record.position)
        if key in self._seen:
            return
        self._seen.add(key)
        played = self._played.setdefault(record.session_id, [])
        if record.position == 0:
            played.clear()  # a session may come back after its silence
        self.played += 1
        self.skips += record.outcome >= SKIPPED_LATE
        if record.position > 0 and played:
            self._judge(record, played)
        played.append((record.track_id, record.outcome))

    def hit_rates(self) -> HitRates | None:
        """The rates as they stand; None before the first occurrence that counts."""
        if not self.occurrences:
            return None
        return HitRates(*(self._hits[name] / self.occurrences for name in HitRates._fields))

    def _judge(self, record: Feedback, played: list[tuple[str, int]]) -> None:
        hit = record.rank is not None and record.rank <= K
        counted = tally(_occurrence(record, played[-1][0]), self._catalog, K)
        assert counted is not None  # it is not the session's first
        (listed,) = self._markov.rank([played])
        self.occurrences += 1
        self._hits["model"] += hit
        self._hits["popularity"] += counted.popularity_hit
        self._hits["markov"] += record.track_id in {track for track, _ in listed.items[:K]}
        self.listed_skips += hit and record.outcome >= SKIPPED_LATE
        version = self.by_version.setdefault(record.model_version or "none", Counter())
        version.update(occurrences=1, hits=int(hit))


def _occurrence(record: Feedback, previous: str) -> Occurrence:
    return Occurrence(
        position=record.position,
        track_id=record.track_id,
        outcome=record.outcome,
        event_id=record.event_id,
        occurred_at=record.occurred_at,
        previous=previous,
        rank=record.rank,
        recommendation_id=record.recommendation_id,
        model_version=record.model_version,
    )
