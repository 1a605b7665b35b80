"""How a graph network is trained: what a step learns from, and how far it goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from ..training.schedule import Shape
from .losses import GraphLoss
from .negatives import Negatives


@dataclass(frozen=True, kw_only=True)
class GraphSchedule:
    """The defaults are LightGCN's published recipe (He et al., SIGIR 2020, section 4.1.2)."""

    epochs: int = 1000
    batch: int = 2048  # pairs; 0 takes all of an epoch at once, as papers 1 and 2 do
    learning_rate: float = 1e-3  # at the top
    shape: Shape = "constant"  # of it over the run
    decay: float = 1e-4  # of the batch's own embeddings, before any layer
    loss: GraphLoss = "bpr"
    # Each supervision edge once an epoch; or a playlist at random and then a track of its own, so
    # that short playlists count as much as long ones: as LightGCN's authors do.
    draw: Literal["playlists", "edges"] = "playlists"
    negatives: Negatives = "uniform"
    checked: bool = True  # negatives are no known edges
    hard_first: float = 1.0  # share of all tracks that count as hard at first,
    hard_last: float = 0.01  # and in the end
    supervision: float = 0.0  # share of training edges kept from messages, drawn for each epoch
    # Neighbours that a step draws at each layer, from the nodes of its pairs outwards; none: a step
    # passes messages over the whole graph.
    fanouts: tuple[int, ...] = ()
    half_life: float | None = None  # days in which an edge's weight halves; None: all weigh alike
    members: int = 1  # networks side by side in the width, each of which learns by itself
    threads: int = 1  # of torch, on a CPU

    def __post_init__(self) -> None:
        least = {"epochs": 1, "batch": 0, "members": 1, "threads": 1}
        for name, minimum in least.items():
            if getattr(self, name) < minimum:
                raise ValueError(f"{name} is {getattr(self, name)}, expected {minimum} or more")
        if self.learning_rate <= 0 or self.decay < 0:
            raise ValueError(
                f"learning_rate {self.learning_rate} must be above 0, decay {self.decay} not below"
            )
        if not 0 <= self.supervision < 1:
            raise ValueError(f"supervision is {self.supervision}, expected 0 or more, below 1")
        if not 0 < self.hard_last <= self.hard_first <= 1:
            raise ValueError(
                f"hard negatives go from {self.hard_first} to {self.hard_last} of the tracks: "
                "expected shares in (0, 1] that do not grow"
            )
        if self.members > 1 and self.negatives != "uniform":
            raise ValueError(
                f"{self.members} members with {self.negatives} negatives: expected uniform ones, "
                "since others are chosen by the score of all members together"
            )
        if self.fanouts and (min(self.fanouts) < 1 or self.negatives != "uniform"):
            raise ValueError(
                f"fan-outs are {self.fanouts} with {self.negatives} negatives: expected numbers of "
                "1 or more, and uniform ones, since others need the whole graph embedded"
            )
        for name, known in (
            ("shape", get_args(Shape)),
            ("loss", ("bpr", "bce", "softmax")),
            ("draw", ("playlists", "edges")),
            ("negatives", ("uniform", "hard", "adaptive")),
        ):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} is {getattr(self, name)!r}, expected one of {known}")
