import urllib.error
import urllib.request

import pytest
from prometheus_client import CollectorRegistry, Counter

from streams.monitoring import Health, PortError, serve_metrics


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


def test_metrics_readiness_and_liveness_are_told_apart() -> None:
    registry = CollectorRegistry()
    Counter("segue_tests", "Counted by this test.", registry=registry).inc(3)
    health = Health(unready="the model is being loaded")
    server = serve_metrics(registry, "127.0.0.1", 0, health)
    try:
        port = server.server_address[1]
        status, text = get(port, "/metrics")
        assert status == 200
        assert "segue_tests_total 3.0" in text
        assert get(port, "/ready") == (503, "not ready: the model is being loaded\n")
        assert get(port, "/live") == (200, "live\n")
        health.unready = None
        assert get(port, "/ready") == (200, "ready\n")
        health.stalled = "it stands"
        assert get(port, "/live") == (503, "not live: it stands\n")
        assert get(port, "/ready") == (503, "not ready: it stands\n")
        assert get(port, "/table")[0] == 404
    finally:
        server.shutdown()
        server.server_close()


def test_a_taken_port_is_refused_with_what_to_do() -> None:
    server = serve_metrics(CollectorRegistry(), "127.0.0.1", 0)
    try:
        port = server.server_address[1]
        with pytest.raises(PortError, match=f"127.0.0.1:{port}: .*--metrics-port"):
            serve_metrics(CollectorRegistry(), "127.0.0.1", port)
    finally:
        server.shutdown()
        server.server_close()
