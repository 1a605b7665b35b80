"""Looks at a running demo from where anybody could: topics, the worker's /metrics, the verdicts.

It reads and counts, and neither draws (view.py) nor starts anything (stage.py).
"""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer

from infra.topics import Topics
from models.registry import Registry
from streams.audit import Audit
from streams.audit_reader import AuditReader
from streams.bundle import Bundle, open_bundle
from streams.counts import CountsEngine
from streams.inspection import Inspection
from streams.oracle import Comparison
from streams.ranking import BundleScorer
from streams.settings import Settings

from .figures import Figures, Meter
from .processes import Child
from .quality import Quality
from .scrape import Metrics, metrics
from .snapshot import Snapshot

SCRAPE_SECONDS = 1.0


class Watch:
    """Reads on; ask `look` often and `snapshot` when something is to be shown."""

    def __init__(
        self, consumer: KafkaConsumer, topics: Topics, markov: Path, models: Path, name: str
    ) -> None:
        """Watch the models `name` under `models`, beside the bundle of counts `markov`.

        Raises:
            BrokerError: a topic is missing.
            BundleError: the counts cannot be read.
        """
        counts = open_bundle(markov)
        self._topics, self._name, self._registry = topics, name, Registry(models)
        self._figures, self._quality = Figures(), Quality(_chain(counts), counts.catalog)
        self._letters: Counter[str] = Counter()
        self._meter, self._audit = Meter(), Audit()
        self._reader = AuditReader(
            consumer, topics, self._audit, others=[topics.feedback], on_record=self._take
        )
        self._consumer = consumer
        self._sessions: Comparison | None = None
        self._metrics: Metrics = {}
        self._verdicts: list[dict[str, Any]] = []
        self._scraped = self._began = 0.0

    def look(self, worker: Child, timeout_ms: int = 200) -> None:
        """Read what came, and ask the worker once a second."""
        self._reader.poll(timeout_ms)
        now = time.monotonic()
        self._meter.read(now, self._audit.tally().events_in)
        if now - self._scraped >= SCRAPE_SECONDS:
            self._scraped = now
            self.ask(worker)

    def ask(self, worker: Child) -> None:
        """Read the worker's metrics and the registry's log; what it said last stays."""
        self._metrics = metrics(worker) or self._metrics
        records = self._registry.verdicts(self._name)
        self._verdicts = [record for record in records if record.get("event") == "finetune"]

    @property
    def began(self) -> float:
        """When the first event was read, of time.monotonic; 0 before."""
        return self._began

    def drain(self, deadline: float) -> None:
        """Read on until everything is read and nothing is missing, or the deadline (monotonic)."""
        self._reader.drain(deadline)

    def compare(self, settings: Settings) -> None:
        """Hold the worker's sessions against the oracle; nothing more can be read after that.

        Raises:
            BrokerError: the topics cannot be read.
        """
        found = Inspection(
            self._consumer, self._topics, settings.changelog, settings.session.limits
        ).run(wait_seconds=0.0)
        self._sessions = found.comparison

    def snapshot(self) -> Snapshot:
        """Sum up."""
        figures, quality = self._figures, self._quality
        models = [labels for labels, on in self._metrics.get("segue_model_info", ()) if on]
        swaps = self._metrics.get("segue_swaps_total", ())
        return Snapshot(
            elapsed=time.monotonic() - self._began if self._began else 0.0,
            tally=self._audit.tally(),
            sessions=self._sessions,
            dead_letters=dict(self._letters),
            per_second=self._meter.per_second,
            recent=figures.of_late(),
            overall=figures.overall(),
            rates=quality.hit_rates(),
            occurrences=quality.occurrences,
            played=quality.played,
            skips=quality.skips,
            listed_skips=quality.listed_skips,
            by_version=quality.by_version,
            versions=dict(figures.versions),
            fallbacks=dict(figures.fallbacks),
            serving=models[0]["version"] if models else None,
            swaps={labels["outcome"]: int(count) for labels, count in swaps},
            finetunes=self._verdicts,
            first=figures.first,
            latest=figures.latest,
        )

    def _take(self, record: Any) -> None:  # noqa: ANN401 - kafka-python has no types
        topics = self._topics
        if record.topic == topics.events:
            self._began = self._began or time.monotonic()
            self._figures.event((record.partition, record.offset), record.value, record.timestamp)
        elif record.topic == topics.recommendations:
            self._figures.recommendation(record.value, record.timestamp)
        elif record.topic == topics.feedback:
            self._quality.feedback(record.value)
        elif record.topic == topics.dlq:
            self._letters[dict(record.headers)["segue.reason"].decode()] += 1


def _chain(bundle: Bundle) -> BundleScorer:
    """A bundle of counts behind the rules of serving, without the runtime that networks need."""
    if bundle.counts is None:
        raise ValueError(f"{bundle.path} holds no transition counts")
    cutoff = bundle.manifest.cutoff
    return BundleScorer(bundle, CountsEngine(bundle.counts, bundle.catalog, cutoff))
