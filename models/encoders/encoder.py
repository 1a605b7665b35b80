"""What training, judging and export ask of a sequence model, whatever its architecture.

An encoder turns the occurrences of a session into the embedding that its next track should have;
the inner product with `item_embedding` scores the catalog.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Protocol, Self

import torch
from torch import Tensor, nn


class EncoderConfig(Protocol):
    """What every architecture's frozen dataclass of sizes has."""

    @property
    def items(self) -> int:
        """N, the catalog; item 0 pads and is not counted."""

    @property
    def length(self) -> int:
        """T, newest occurrences that are read."""

    @property
    def width(self) -> int:
        """D, of item embeddings and of the encoded session."""


class Encoder(nn.Module, ABC):
    """Occurrences of a session -> the embedding that its next track should have."""

    architecture: ClassVar[str]
    causal: ClassVar[bool] = True
    """Whether `states` at a position sees nothing later: then all positions learn in one pass."""

    schedule: ClassVar[Mapping[str, Any]] = {}
    """How it is trained, where that is not as `Schedule` has it by default (configuration.py)."""

    config: Any  # the architecture's own dataclass, an EncoderConfig
    item_embedding: nn.Embedding  # (N + 1, D): rows of the catalog as they are scored; row 0 pads
    item_bias: nn.Parameter | None  # (N + 1,) added to every score

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.register_parameter("item_bias", None)  # a default on the class could not be replaced

    @abstractmethod
    def forward(self, items: Tensor, outcomes: Tensor, lengths: Tensor) -> Tensor:
        """Encode right-padded sessions, (B, T), (B, T), (B,) -> (B, D), T up to config.length.

        This graph is exported, at a T of config.length.
        """

    @abstractmethod
    def states(self, items: Tensor, outcomes: Tensor) -> Tensor:
        """Encode every position, (B, T), (B, T) -> (B, T, D), T up to config.length.

        In a causal encoder, position t is what `forward` gives for the first t + 1 occurrences.
        """

    def logits(self, states: Tensor) -> Tensor:
        """Score the catalog, (..., D) -> (..., N + 1); column 0 means nothing."""
        scores = states @ self.item_embedding.weight.T
        return scores if self.item_bias is None else scores + self.item_bias

    def track_tables(self) -> list[Tensor]:
        """Give the tables whose rows may begin as track embeddings do, all (N + 1, D)."""
        return [self.item_embedding.weight]

    def grown(self, rows: Tensor) -> Self:
        """Give a copy over a larger catalog; `rows` (N' + 1, D) are all of its item embeddings.

        A new track's bias is 0.
        """
        model = type(self)(replace(self.config, items=len(rows) - 1)).to(rows.device)
        weights = {
            **self.state_dict(),
            **self.grown_tables(rows),
            "item_embedding.weight": rows,
        }
        if self.item_bias is not None:
            bias = torch.zeros(len(rows), device=rows.device)
            bias[: len(self.item_bias)] = self.item_bias.detach()
            weights["item_bias"] = bias
        model.load_state_dict(weights)
        return model

    def grown_tables(self, rows: Tensor) -> dict[str, Tensor]:
        """Give, by name, the other tables with a row for each track, for the catalog of `rows`."""
        return {}


class MaskedEncoder(Encoder):
    """An encoder that sees both ways, and learns by guessing tracks that are hidden from it."""

    causal: ClassVar[bool] = False

    @abstractmethod
    def states(self, items: Tensor, outcomes: Tensor, hidden: Tensor | None = None) -> Tensor:
        """Encode every position, (B, T), (B, T), (B, T) -> (B, T, D), T up to config.length + 1.

        At a position where `hidden` is true neither track nor outcome is told: its state is the
        embedding that this very track should have. `config.masked` and `config.last_masked` say how
        much is hidden in training.
        """
