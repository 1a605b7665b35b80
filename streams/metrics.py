"""Every Prometheus instrument, and nothing else: what is counted, not when.

Prefix `segue_`, base units, no session or track in a label. One registry for each process.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

# 0.1 s is the SLO's limit: as an edge it makes the share within it exact.
LATENCY_BUCKETS: Final = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1),
    *(0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
BATCH_BUCKETS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class WorkerMetrics:
    """What a worker counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.events = Counter(
            "segue_events",
            "Events taken from the topic, by what became of them",
            ["outcome"],  # answered | dead_lettered | repeated
            registry=registry,
        )
        self.dead_letters = Counter(
            "segue_dead_letters", "Events refused, by reason", ["reason"], registry=registry
        )
        self.recommendations = Counter(
            "segue_recommendations",
            "Lists produced and acknowledged, by fallback (none: the model's own)",
            ["fallback"],
            registry=registry,
        )
        self.end_to_end = Histogram(
            "segue_end_to_end_seconds",
            "From the broker's append of an event to its acknowledgement of the recommendation",
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self.stage = Histogram(
            "segue_stage_seconds",
            "Time spent in one stage, for each batch (decode and wait: for each event)",
            ["stage"],  # decode | wait | score | state | produce
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self.batch_size = Histogram(
            "segue_batch_size", "Events in a batch", buckets=BATCH_BUCKETS, registry=registry
        )
        self.occurrences = Counter(
            "segue_occurrences",
            "Finished occurrences after a session's first, by the model that foresaw them",
            ["model_version", "outcome"],  # heard | skipped | unknown
            registry=registry,
        )
        self.hits = Counter(
            "segue_hits",
            "Occurrences whose track was among the first 10 of the list current when they began",
            ["model_version", "outcome"],
            registry=registry,
        )
        self.popularity_hits = Counter(
            "segue_popularity_hits",
            "The same occurrences, held against the catalog's 10 most popular tracks",
            ["model_version", "outcome"],
            registry=registry,
        )
        self.lag = Gauge(
            "segue_lag_events",
            "Events appended and not yet taken",
            ["partition"],
            registry=registry,
        )
        self.model = Gauge(
            "segue_model_info",
            "1 for the model that serves",
            ["name", "version", "architecture", "provider"],
            registry=registry,
        )
        self.model_created = Gauge(
            "segue_model_created_timestamp_seconds", "When the model was made", registry=registry
        )
        self.swaps = Counter(
            "segue_swaps",
            "Announced models, by what the worker did with them",
            ["outcome"],  # swapped | refused | rolled_back | already
            registry=registry,
        )
        self.refusals = Counter(
            "segue_refusals",
            "Announced models that were refused, by reason",
            ["reason"],  # streams/manifest.py has them all
            registry=registry,
        )
        self.sessions = Gauge("segue_sessions", "Sessions in the table", registry=registry)
        self.wrong_partition = Counter(
            "segue_wrong_partition",
            "Events in another partition than murmur2 of their session_id gives",
            registry=registry,
        )
        self.gaps = Counter(
            "segue_gaps",
            "Holes in what Faust delivered, by what was found in the topic",
            ["found"],  # events | nothing
            registry=registry,
        )
        self.retries = Counter(
            "segue_produce_retries", "Sends the broker did not take at once", registry=registry
        )
        self.ready = Gauge("segue_ready", "1 while the worker answers events", registry=registry)


class FinetuneMetrics:
    """What the fine-tune job counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.finetunes = Counter(
            "segue_finetunes",
            "Fine-tunes, by the gate's verdict",
            ["verdict"],  # accepted | refused | failed | nothing_to_do
            registry=registry,
        )
        self.last = Gauge(
            "segue_last_finetune_timestamp_seconds",
            "When the last fine-tune ended",
            registry=registry,
        )
        self.success = Gauge(
            "segue_last_finetune_success",
            "1 when the last fine-tune's candidate was accepted",
            registry=registry,
        )
