"""Where the nodes of a run listen."""

from benchmarks.chaos import cluster
from benchmarks.chaos.cluster import ports_to_keep


def test_ports_promised_to_a_proxy_are_given_to_nobody_else(monkeypatch):
    monkeypatch.setattr(cluster, "_PORTS", range(20_000, 20_044))
    promised = set(range(20_000, 20_040))
    assert set(ports_to_keep(1, promised)) <= set(range(20_040, 20_044))
    assert len(set(ports_to_keep(1))) == 1
