"""UMAP stands aside in tests of what is around it: it takes half a minute to load."""

import pytest

from models.map import drawn
from models.map.projection import Projection

TRUST = (0.9, 0.8)


def set_umap_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a map show the first columns of its matrix."""
    monkeypatch.setattr(
        drawn, "projected",
        lambda matrix, seed: Projection(matrix[:, :2], matrix[:, :3], TRUST),
    )  # fmt: skip
