"""Graph networks by name. Layers of PyTorch Geometric are loaded only for those that use them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from .encoder import GraphConfig, GraphEncoder

NAMES = ("lightgcn", "gat", "sage")


def make_graph_config(name: str, sizes: dict[str, Any]) -> GraphConfig:
    """Build a network's configuration.

    Raises:
        ValueError: the network or a size is not known, or a size is out of range.
    """
    kind = _kinds(name)[0]
    known = {field.name for field in fields(kind)}
    if unknown := sorted(sizes.keys() - known):
        raise ValueError(f"{name} has no {', '.join(unknown)}: expected some of {sorted(known)}")
    return kind(**sizes)


def make_graph_encoder(name: str, config: GraphConfig) -> GraphEncoder:
    """Build a network with fresh weights; ValueError if there is none of that name."""
    return _kinds(name)[1](config)


def _kinds(name: str) -> tuple[type[GraphConfig], type[GraphEncoder]]:
    if name == "lightgcn":
        from .lightgcn import LightGCN, LightGCNConfig

        return LightGCNConfig, LightGCN
    if name == "gat":
        from .gat import GAT, GATConfig

        return GATConfig, GAT
    if name == "sage":
        from .sage import SAGE, SAGEConfig

        return SAGEConfig, SAGE
    raise ValueError(f"unknown graph network {name!r}: expected one of {NAMES}")
