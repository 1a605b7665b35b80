"""Suites of graph networks: which data, which cells, and what others published of the same cell.

The cells of 30music and mpd are the ablations of papers 1 and 2 (Huang & Singh, "GNN-based Spotify
Playlist Recommendation"; Batelaan, Brink & Wittenbrink, "Spotify Track Neural Recommender System"):
a network, negatives, layer weights, position embeddings, normalised scores. Their graph is the
30-core of 50,000 playlists; the data at hand has a lower core.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from models.graphs.schedule import GraphSchedule

POSITIONS = 32  # parts of a playlist


@dataclass(frozen=True)
class Cell:
    """One network and how it is trained."""

    name: str
    network: str
    sizes: Mapping[str, Any] = field(default_factory=dict)
    schedule: Mapping[str, Any] = field(default_factory=dict)
    published: str = ""  # of the same cell, on its authors' data


@dataclass(frozen=True)
class Suite:
    """Data, what all cells share, and the cells; the first is what others are compared with."""

    name: str
    folder: str  # in the folder of data sets
    k: int | None
    schedule: GraphSchedule
    every: int  # epochs between two evaluations
    cutoffs: tuple[int, ...]
    share: float | None  # one more cut-off, a share of the tracks
    cells: tuple[Cell, ...]
    quick: Mapping[str, Any]  # over the schedule, for a look
    published_on: str = "other data"

    def quicker(self) -> Suite:
        """The same in minutes, of which no figure is to be quoted."""
        return replace(self, schedule=replace(self.schedule, **self.quick))


_LAYERS = {"lightgcn": 4, "gat": 3, "sage": 3}
_PUBLISHED = {
    "lightgcn": "R@300 .4498 (.4710 in its table), losses .484 / .497, ROC-AUC .825 / .806",
    "gat": "R@300 .5759, losses .247 / .285",
    "gat+mlp": "R@300 .6903 (.6961 in the text), losses .159 / .238",
    "gat+mlp, positions, learnable alpha": "R@300 .6931",
}


def _ablations() -> tuple[Cell, ...]:
    cells = []
    for name in ("lightgcn", "gat", "gat+mlp", "sage"):
        network = name.partition("+")[0]
        sizes: dict[str, Any] = {"layers": _LAYERS[network]}
        if name == "gat+mlp":
            sizes["mlp"] = True
        for negatives in ("uniform", "hard"):
            for alpha in ("fixed", "learnable"):
                parts = [name, *(["hard"] if negatives == "hard" else [])]
                parts += ["learnable alpha"] if alpha == "learnable" else []
                cells.append(
                    Cell(
                        ", ".join(parts),
                        network,
                        {**sizes, "alpha": alpha},
                        {"negatives": negatives},
                        _PUBLISHED.get(", ".join(parts), ""),
                    )
                )
        if name in ("lightgcn", "gat+mlp"):
            for told, more in (
                ("positions", {"positions": POSITIONS}),
                ("normalised", {"normalise": True}),
                ("positions, learnable alpha", {"positions": POSITIONS, "alpha": "learnable"}),
            ):
                for negatives in ("uniform", "hard"):
                    title = f"{name}, {'hard, ' if negatives == 'hard' else ''}{told}"
                    cells.append(
                        Cell(title, network, {**sizes, **more}, {"negatives": negatives},
                             _PUBLISHED.get(title, ""))
                    )  # fmt: skip
            cells.append(Cell(f"{name}, adaptive", network, sizes, {"negatives": "adaptive"}))
            cells.append(Cell(f"{name}, bce", network, sizes, {"loss": "bce"}))
    return tuple(cells)


_PAPERS = GraphSchedule(
    epochs=300, batch=0, learning_rate=0.01, decay=0.0, draw="edges", supervision=0.3
)
_QUICK = {"epochs": 20}

SUITES = {
    suite.name: suite
    for suite in (
        Suite("30music", "30music", 10, _PAPERS, 10, (300,), 0.0245, _ablations(), _QUICK),
        Suite("mpd", "mpd", 5, _PAPERS, 10, (300,), 0.0245, _ablations(), _QUICK),
        Suite(
            "gowalla", "gowalla", None, GraphSchedule(epochs=5), 1, (20,), None,
            (
                Cell("lightgcn, published recipe", "lightgcn", {"layers": 3}, {},
                     "epoch 5: recall@20 .1071, NDCG@20 .0894"),
            ),
            {"epochs": 1}, "the same data",
        ),
        # Full quality in a twentieth of the 1,000 epochs: a softmax over 1,024 drawn tracks learns
        # more of a step than one negative each. On a fifth of the training edges held out, inner
        # products were ahead of cosines, a lower rate for longer of a higher one (.169 after 1,000
        # steps at .03, .176 after 1,500 at .01, .185 after 4,000 at .005, .189 after 6,000 of
        # 8,000 at .004), edges of playlists, and L2 of .01 cost nothing where .1 did.
        Suite(
            "gowalla-full", "gowalla", None,
            GraphSchedule(
                epochs=40, batch=4096, learning_rate=4e-3, shape="cosine", decay=1e-2,
                loss="softmax", draw="edges",
            ), 5, (20,), None,
            (
                Cell("lightgcn, softmax", "lightgcn", {"layers": 3}, {},
                     "1,000 epochs of BPR: recall@20 .1824, NDCG@20 .1547"),
                Cell("lightgcn, softmax, width 128", "lightgcn", {"layers": 3, "width": 128}, {},
                     "width 64"),
                Cell("lightgcn, softmax, two of width 64 added up", "lightgcn",
                     {"layers": 3, "width": 128}, {"members": 2}, "one"),
            ),
            {"epochs": 1}, "the same data",
        ),
    )
}  # fmt: skip
