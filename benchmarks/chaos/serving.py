"""Whose lists were given: every model that answered, against what the gate let through.

A refused candidate is never written; what a killed job left half-written must not be found either.
So whatever served must be the base or an announced champion, and each of those a whole bundle.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kafka import TopicPartition

from infra.reader import read_between, reading
from infra.topics import Topics
from streams.announcements import bundle_path, read_announcement
from streams.bundle import BundleError, open_bundle
from streams.events import ModelAnnouncement

from ..demo.scrape import metrics
from .base import NAME, VERSION
from .crew import Crew
from .ground import Ground

_SECONDS = 60.0
"""How long workers may take to come to the last champion."""


@dataclass(frozen=True)
class Serving:
    """What the job came to, and what of it the workers served in the end."""

    champions: Sequence[str]  # announced, in order; workers announce the base
    unsound: Sequence[str]  # champions that are no whole bundle
    at_the_end: Mapping[int, str]  # worker -> version
    verdicts: Mapping[str, int]
    job_ended: Sequence[int]  # statuses of jobs that ended by themselves

    def record(self, lists: Mapping[str, int]) -> dict[str, Any]:
        """As JSON has it; `lists` are those given, by model version."""
        last = self.champions[-1] if self.champions else VERSION
        return {
            "verdicts": dict(self.verdicts),
            "champions": list(self.champions),
            "lists": dict(lists),
            "unannounced": unannounced(lists, self.champions),
            "unsound": list(self.unsound),
            "not_on_the_champion": [n for n, at in self.at_the_end.items() if at != last],
            "job_ended_by_itself": list(self.job_ended),
        }


def unannounced(lists: Collection[str], champions: Collection[str]) -> list[str]:
    """Versions that answered and were neither the base nor announced."""
    return sorted(set(lists) - {VERSION, *champions})


def end_of_learning(ground: Ground) -> Serving:
    """End the job, and wait until the workers serve its last champion.

    Raises:
        BrokerError: no broker answers.
    """
    assert ground.job is not None
    ground.job.stop()
    entries = _champions(ground.cluster.bootstrap, ground.topics)
    last = entries[-1].version if entries else VERSION
    deadline = time.monotonic() + _SECONDS
    while set((serves := _serve(ground.crew)).values()) != {last} and time.monotonic() < deadline:
        time.sleep(0.2)
    verdicts = ground.job.verdicts()
    return Serving(
        champions=list(dict.fromkeys(entry.version for entry in entries)),
        unsound=[entry.version for entry in entries if not _sound(entry)],
        at_the_end=serves,
        verdicts=Counter(verdict["verdict"] for verdict in verdicts),
        job_ended=ground.job.ended,
    )


def _champions(bootstrap: str, topics: Topics) -> list[ModelAnnouncement]:
    """Every announcement of the run: what compaction may take is minutes older."""
    with reading(bootstrap) as consumer:
        partitions = [TopicPartition(topics.models, 0)]
        starts = consumer.beginning_offsets(partitions)
        records = read_between(consumer, starts, consumer.end_offsets(partitions))
        read = [read_announcement(record) for record in records]
    return [entry for entry in read if entry is not None and entry.name == NAME]


def _sound(entry: ModelAnnouncement) -> bool:
    try:
        return open_bundle(bundle_path(entry)).sha256 == entry.sha256
    except BundleError:
        return False


def _serve(crew: Crew) -> dict[int, str]:
    return {
        worker.number: ", ".join(
            labels["version"]
            for labels, value in metrics(worker.child).get("segue_model_info", ())
            if value
        )
        for worker in crew.workers
    }
