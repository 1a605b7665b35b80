import json
import re
from functools import partial
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, start_http_server

from streams.metrics import FinetuneMetrics, WorkerMetrics
from tests.infra.compose import ROOT
from tests.infra.prometheus import CONFIG, Server, running, until

GRAFANA = ROOT / "infra" / "grafana"
DASHBOARD = json.loads((GRAFANA / "dashboards" / "segue.json").read_text(encoding="utf-8"))
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
LISTENED = ("heard", "skipped", "unknown")


def expressions(panel: dict[str, Any]) -> list[str]:
    return [target["expr"] for target in panel["targets"]]


def has_a_number(server: Server, expression: str) -> bool:
    return any(sample["value"][1] != "NaN" for sample in server.query(expression))


def touch(worker: WorkerMetrics, finetune: FinetuneMetrics) -> None:
    """Let everything happen once, as a worker and a fine-tune under load would."""
    for outcome in ("answered", "dead_lettered", "repeated"):
        worker.events.labels(outcome).inc()
    worker.dead_letters.labels("not_json").inc()
    for fallback in ("none", "cold_start"):
        worker.recommendations.labels(fallback).inc()
    for seconds in (0.004, 0.02, 0.3):
        worker.end_to_end.observe(seconds)
    for stage in ("decode", "wait", "score", "state", "produce"):
        worker.stage.labels(stage).observe(0.002)
    worker.batch_size.observe(3)
    for version in ("1", "2"):
        for outcome in LISTENED:
            for counter in (worker.occurrences, worker.hits, worker.popularity_hits):
                counter.labels(version, outcome).inc()
    worker.lag.labels("0").set(4)
    worker.model.labels("sasrec", "2", "SASRec", "cpu").set(1)
    worker.model_created.set_to_current_time()
    worker.swaps.labels("swapped").inc()
    worker.sessions.set(7)
    worker.ready.set(1)
    finetune.finetunes.labels("accepted").inc()
    finetune.last.set_to_current_time()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Prometheus over our own instruments, scraped often enough for every rate to have a value."""
    registry = CollectorRegistry()
    worker, finetune = WorkerMetrics(registry), FinetuneMetrics(registry)
    exporter, thread = start_http_server(0, "127.0.0.1", registry)
    target = f"127.0.0.1:{exporter.server_address[1]}"
    try:
        with running(tmp_path_factory.mktemp("prometheus"), target) as server:

            def seen() -> bool:
                touch(worker, finetune)  # more at each scrape, or a rate is 0 and a ratio absent
                return bool(server.query("segue:hit_rate:ratio_rate5m > 0"))

            until(seen, 30, "a rate of hits, recorded")
            yield server
    finally:
        exporter.shutdown()
        exporter.server_close()
        thread.join(timeout=5)


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_every_panel_has_data_under_load(server: Server, panel: dict[str, Any]):
    for expression in expressions(panel):
        until(partial(has_a_number, server, expression), 10, f"data for {expression}")


def test_a_wrong_expression_would_be_noticed(server: Server):
    with pytest.raises(AssertionError, match="parse error"):
        server.query("rate(segue_events_total)[")
    assert server.query("segue_no_such_metric") == []


def names(text: str) -> set[str]:
    return set(re.findall(r"\bsegue_[a-z_]+", text))


def test_panels_and_rules_use_only_instruments_that_exist():
    registry = CollectorRegistry()
    touch(WorkerMetrics(registry), FinetuneMetrics(registry))
    exported = {sample.name for metric in registry.collect() for sample in metric.samples}
    used = names(" ".join(expr for panel in PANELS for expr in expressions(panel)))
    for file in ("rules.yml", "alerts.yml"):
        for group in yaml.safe_load((CONFIG / file).read_text(encoding="utf-8"))["groups"]:
            used |= names(" ".join(rule["expr"] for rule in group["rules"]))
    assert used
    assert used <= exported


def test_recorded_names_in_panels_and_alerts_are_recorded():
    rules = (CONFIG / "rules.yml").read_text(encoding="utf-8")
    recorded = set(re.findall(r"- record: (\S+)", rules))
    text = json.dumps(DASHBOARD) + (CONFIG / "alerts.yml").read_text(encoding="utf-8")
    used = set(re.findall(r"\bsegue:\w+:\w+", text))
    assert used
    assert used <= recorded


def test_the_provisioned_source_and_folder_are_the_ones_in_use():
    (source,) = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text())[
        "datasources"
    ]
    used = {target["datasource"]["uid"] for panel in PANELS for target in panel["targets"]}
    assert used == {source["uid"]}
    (provider,) = yaml.safe_load((GRAFANA / "provisioning/dashboards/segue.yml").read_text())[
        "providers"
    ]
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    assert f"./infra/grafana/dashboards:{provider['options']['path']}:ro" in compose


def test_panels_do_not_overlap_and_have_a_description():
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        at = panel["gridPos"]
        cells = {(at["x"] + i, at["y"] + j) for i in range(at["w"]) for j in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
        assert panel["description"]
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)


def test_the_latency_panel_shows_the_slo_beside_the_quantiles():
    (panel,) = (panel for panel in PANELS if panel["title"] == "Latency against the SLO")
    legends = {target["legendFormat"]: target["expr"] for target in panel["targets"]}
    assert legends.keys() == {"p50", "p99", "SLO 100 ms"}
    assert legends["SLO 100 ms"] == "vector(0.1)"
