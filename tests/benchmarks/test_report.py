"""The report: the promised fields, JSON all through, and a summary made of nothing else."""

import json
from types import SimpleNamespace
from typing import Any, cast

from benchmarks.demo import view
from benchmarks.demo.base import Base
from benchmarks.demo.report import Run, report
from benchmarks.demo.snapshot import Snapshot
from tests.benchmarks.test_view import NOW, printed

FIELDS = {
    "events_in", "answered", "dead_lettered", "missing", "repeats", "latency_ms",
    "hit_rate_at_10", "skips", "finetunes", "swaps", "model_versions", "data", "machine", "commit",
    "command", "seed", "seconds", "rate", "offline",
}  # fmt: skip
RUN = Run(data="simulated", seed=3, seconds=60, rate=150, every=15, command=["segue", "demo"])


def base() -> Base:
    training = {"data": "simulated", "simulated": True, "sessions": 2400}
    manifest = SimpleNamespace(name="sasrec", version="1", training=training)
    rows = [
        {"model": name, "metrics": {"hit_rate@10": rate}}
        for name, rate in (("sasrec", 0.6), ("popularity", 0.1), ("markov", 0.5))
    ]
    return Base(cast(Any, None), cast(Any, manifest), rows)


def made(now: Snapshot) -> dict[str, Any]:
    return report(now, base(), RUN, poison=8, interrupted=False)


def test_it_has_every_promised_field_and_is_json():
    record = made(NOW)
    assert record.keys() >= FIELDS
    assert json.loads(json.dumps(record, allow_nan=False))["missing"] == 8
    assert record["latency_ms"] == {"p50": 5, "p90": 11, "p99": 31}
    assert record["hit_rate_at_10"] == {"model": 0.612, "popularity": 0.131, "markov": 0.587}
    assert record["offline"]["hit_rate_at_10"] == {"model": 0.6, "popularity": 0.1, "markov": 0.5}
    assert record["swaps"] == 1
    assert record["model_versions"] == ["20270115-075900", "20270115-080000"]
    assert record["data"] == {"name": "simulated", "simulated": True, "asked": "simulated"}
    assert [found["verdict"] for found in record["finetunes"]] == ["refused", "accepted"]
    assert record["finetunes"][1]["metrics"]["window_targets"] == 1712


def test_the_identity_adds_up():
    record = made(NOW)
    assert record["events_in"] == sum(
        record[part] for part in ("answered", "dead_lettered", "missing")
    )


def test_a_demo_that_was_stopped_at_once_has_a_report_too():
    record = made(Snapshot())
    assert (record["events_in"], record["hit_rate_at_10"], record["latency_ms"]) == (0, None, None)


def test_simulated_data_is_called_so_in_the_summary():
    for now in (NOW, Snapshot()):
        assert "simulated listeners" in printed(view.summary(made(now)))
