"""Sessions that do everything right, and whether their lists are as if nobody else were there.

Each list is computed again from the session's own events alone, with the same model.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
from kafka import TopicPartition

from infra.reader import read_between, reading
from streams.events import PlaybackEvent, Recommendation, recommendation_id
from streams.ranking import Ranking
from streams.scoring import Scorer
from streams.session import Arrival, Limits, Session

from .models import difference

_event = msgspec.json.Decoder(PlaybackEvent)
_list = msgspec.json.Decoder(Recommendation)


class _Told(NamedTuple):
    future: Any  # kafka-python's
    event: PlaybackEvent


class Neighbours:
    """What was sent of them, and what it must be answered with."""

    def __init__(self, scorer: Scorer, limits: Limits) -> None:
        self._scorer, self._limits = scorer, limits
        self._told: list[_Told] = []

    @property
    def count(self) -> int:
        """How many events were sent."""
        return len(self._told)

    def sent(self, future: Any, value: bytes | None) -> None:  # noqa: ANN401 - kafka-python's
        """Note an event that is on its way."""
        self._told.append(_Told(future, _event.decode(value or b"")))

    def unequal(self, bootstrap: str, topic: str) -> list[str]:
        """Say which events have no list, or another than they would have alone."""
        found = self._lists(bootstrap, topic)
        wrong = []
        for id_, ranking in self._expected().items():
            listed = found.get(id_)
            if listed is None:
                wrong.append(f"{id_}: no list")
                continue
            items = tuple((item.track_id, item.score) for item in listed.items)
            if said := difference([ranking], [Ranking(items, listed.fallback)]):
                wrong.append(f"{id_} of {listed.session_id}: {said}")
        return wrong

    def _expected(self) -> dict[str, Ranking]:
        sessions: dict[str, Session] = {}
        rankings = {}
        for future, event in self._told:
            at = future.get(0)
            session = sessions.get(event.session_id, Session())
            arrival = Arrival(at.partition, at.offset, at.timestamp)
            session = session.advance(event, event.id, arrival, self._limits)
            sessions[event.session_id] = session
            (ranking,) = self._scorer.rank([session.history])
            rankings[recommendation_id(event.session_id, event.id)] = ranking
        return rankings

    def _lists(self, bootstrap: str, topic: str) -> dict[str, Recommendation]:
        names = {event.session_id.encode() for _, event in self._told}
        with reading(bootstrap) as consumer:
            partitions = [TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic)]
            starts = consumer.beginning_offsets(partitions)
            ends = consumer.end_offsets(partitions)
            lists = [
                _list.decode(record.value)
                for record in read_between(consumer, starts, ends)
                if record.key in names
            ]
        return {listed.recommendation_id: listed for listed in lists}
