from prometheus_client import CollectorRegistry

from streams.metrics import LATENCY_BUCKETS, FinetuneMetrics, WorkerMetrics


def test_every_instrument_has_the_prefix_and_no_session_or_track_in_a_label() -> None:
    registry = CollectorRegistry()
    WorkerMetrics(registry)
    FinetuneMetrics(registry)
    families = list(registry.collect())
    assert len(families) > 15
    assert all(family.name.startswith("segue_") for family in families)
    labels = {
        label
        for collector in registry._collector_to_names
        for label in getattr(collector, "_labelnames", ())
    }
    assert labels.isdisjoint({"session", "session_id", "track", "track_id", "user_id", "event_id"})


def test_the_limit_of_the_latency_objective_is_an_edge() -> None:
    assert 0.1 in LATENCY_BUCKETS
    assert tuple(sorted(LATENCY_BUCKETS)) == LATENCY_BUCKETS
