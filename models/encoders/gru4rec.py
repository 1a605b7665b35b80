"""GRU4Rec: a gated recurrent unit over the session (Hidasi et al., arXiv:1511.06939; Hidasi &
Karatzoglou, arXiv:1706.03847), with the four inputs that Navon & Andrade (2019, section 3.1) give
it for music, and an outcome embedding, so that it knows what was skipped.

A track is scored by the inner product of the last layer's state with its row of `item_embedding`,
and a bias. Serving replays the session through the encoder; `step` is for training that goes
through many sessions side by side (training/session_parallel.py). Not here: losses, training,
ranking.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .encoder import Encoder
from .outcomes import OutcomeEmbedding

EMBEDDING = 0.1  # standard deviation of embeddings at the start
PERCEPTRON = 64  # units of each of the two layers over the content features
NEIGHBOURS = 5  # known tracks whose input a new track's is the mean of

Inputs = Literal["one-hot", "embedding", "constrained", "content", "content-mlp"]
INPUTS: tuple[Inputs, ...] = ("one-hot", "embedding", "constrained", "content", "content-mlp")


@dataclass(frozen=True, kw_only=True)
class GRU4RecConfig:
    """Sizes of one model; everything a checkpoint needs besides the weights."""

    items: int  # N, the catalog; item 0 pads and is not counted
    length: int = 20  # T, newest occurrences that are read
    width: int = 128  # D, of item embeddings and of every layer's state
    layers: int = 1
    inputs: Inputs = "constrained"  # one-hot: gate weights for each item; constrained: scored rows
    features: int = 0  # F, columns of the content features; 0 for inputs that read none
    dropout: float = 0.1  # of the input
    dropout_hidden: float = 0.2  # of every layer's output
    outcomes: bool = True  # add an embedding of how each occurrence ended to the input
    outcome_dropout: float = 0.2  # chance in training that an outcome is hidden, as in a `start`
    item_bias: bool = True  # add one number for each track to its score

    def __post_init__(self) -> None:
        """Refuse sizes that cannot be built."""
        if min(self.items, self.length, self.width, self.layers) < 1:
            raise ValueError(f"every size must be 1 or more, got {self}")
        if self.inputs not in INPUTS:
            raise ValueError(f"inputs {self.inputs!r}, expected one of {', '.join(INPUTS)}")
        if (self.features > 0) != self.reads_content:
            raise ValueError(
                f"inputs {self.inputs!r} with {self.features} features: content and content-mlp "
                "need their number of columns, the others none"
            )
        shares = (self.dropout, self.dropout_hidden)
        if not all(0 <= share < 1 for share in shares) or not 0 <= self.outcome_dropout <= 1:
            raise ValueError(
                f"dropout {self.dropout} and dropout_hidden {self.dropout_hidden} must be in "
                f"[0, 1), outcome_dropout {self.outcome_dropout} in [0, 1]"
            )

    @property
    def reads_content(self) -> bool:
        """Whether the encoder knows tracks by their features alone."""
        return self.inputs in ("content", "content-mlp")

    @property
    def input_width(self) -> int:
        """I, what a layer of gates reads of one occurrence."""
        return {
            "one-hot": 3 * self.width,
            "content": self.features,
            "content-mlp": PERCEPTRON,
        }.get(self.inputs, self.width)


class GRU4Rec(Encoder):
    """Gated recurrent units over the newest occurrences."""

    architecture: ClassVar[str] = "gru4rec"
    schedule: ClassVar[Mapping[str, Any]] = {"batch": 32, "learning_rate": 1e-2}

    def __init__(self, config: GRU4RecConfig, features: Tensor | None = None) -> None:
        """Build it; `features` (N + 1, F) are standardised (content.py), row 0 is padding.

        Without them a model that reads content holds NaN until `load_state_dict` brings them.

        Raises:
            ValueError: features of another shape, or not finite.
        """
        super().__init__(config)
        self.item_embedding = nn.Embedding(config.items + 1, config.width, padding_idx=0)
        self.input_embedding: nn.Embedding | None = None  # (N + 1, I)
        if config.inputs in ("one-hot", "embedding"):
            self.input_embedding = nn.Embedding(config.items + 1, config.input_width, padding_idx=0)
        self.features: Tensor | None
        self.register_buffer("features", _checked(features, config))
        self.perceptron = None
        if config.inputs == "content-mlp":
            layers = (nn.Linear(config.features, PERCEPTRON), nn.Linear(PERCEPTRON, PERCEPTRON))
            self.perceptron = nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU())
        self.outcome_embedding = None
        if config.outcomes:
            self.outcome_embedding = OutcomeEmbedding(config.input_width, config.outcome_dropout)
        self.dropout = nn.Dropout(config.dropout)
        self.dropout_hidden = nn.Dropout(config.dropout_hidden)
        self.gru = nn.GRU(
            config.input_width,
            config.width,
            config.layers,
            batch_first=True,
            dropout=config.dropout_hidden if config.layers > 1 else 0.0,
        )
        if config.inputs == "one-hot":  # what is looked up is what the input adds to the gates
            self.gru.weight_ih_l0.requires_grad_(False)
        if config.item_bias:
            self.item_bias = nn.Parameter(torch.zeros(config.items + 1))
        self.init_weights()

    def forward(self, items: Tensor, outcomes: Tensor, lengths: Tensor) -> Tensor:
        """Encode right-padded sessions, (B, T), (B, T), (B,) -> (B, D). This graph is exported."""
        last = (lengths - 1).clamp(min=0).view(-1, 1, 1)  # (B, 1, 1)
        states = self.states(items, outcomes)  # (B, T, D)
        return states.gather(1, last.expand(-1, 1, states.shape[2])).squeeze(1)  # (B, D)

    def states(self, items: Tensor, outcomes: Tensor) -> Tensor:
        """Encode every position at once, (B, T), (B, T) -> (B, T, D)."""
        states, _ = self.gru(self._read(self.look_up(items), outcomes))
        dropped: Tensor = self.dropout_hidden(states)
        return dropped

    def step(self, looked_up: Tensor, outcomes: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Read one more occurrence of each session, (B, I'), (B,), (L, B, D) -> (B, D), (L, B, D).

        `looked_up` is what `look_up` gives for its tracks. From a hidden state of zeros, L such
        steps give what `states` gives for L positions.
        """
        x = self._read(looked_up, outcomes).unsqueeze(1)  # (B, 1, I)
        states, hidden = self.gru(x, hidden)
        return self.dropout_hidden(states.squeeze(1)), hidden

    def look_up(self, items: Tensor) -> Tensor:
        """Give what is known of tracks, (...) -> (..., I'): rows of a table, or features."""
        return F.embedding(items, self.input_table, padding_idx=0)

    @property
    def input_table(self) -> Tensor:
        """The table that the input is looked up in, (N + 1, I')."""
        if self.features is not None:
            return self.features
        return (self.input_embedding or self.item_embedding).weight

    def track_tables(self) -> list[Tensor]:
        """Give the scored rows, and those that are read where they are others of the same width."""
        if self.input_embedding is None or self.config.inputs == "one-hot":
            return super().track_tables()
        return [*super().track_tables(), self.input_embedding.weight]

    def grown_tables(self, rows: Tensor) -> dict[str, Tensor]:
        """Give a new track's input as the mean of those of the tracks it is scored most like."""
        tables: dict[str, Tensor] = {}
        if self.input_embedding is not None:
            tables["input_embedding.weight"] = self.input_embedding.weight.detach()
        if self.features is not None:
            tables["features"] = self.features
        known = self.config.items + 1
        ours, new = F.normalize(rows[1:known], dim=1), F.normalize(rows[known:], dim=1)
        nearest = (new @ ours.T).topk(min(NEIGHBOURS, len(ours)), dim=1).indices + 1  # (M, 5)
        return {
            name: torch.cat([table, table[nearest.to(table.device)].mean(dim=1)])
            for name, table in tables.items()
        }

    def _read(self, looked_up: Tensor, outcomes: Tensor) -> Tensor:
        x = looked_up if self.perceptron is None else self.perceptron(looked_up)
        if self.outcome_embedding is not None:
            x = x + self.outcome_embedding(outcomes)
        read: Tensor = self.dropout(x)
        return read

    @torch.no_grad()
    def init_weights(self) -> None:
        """Start the weights; N[s] is a normal distribution cut at two standard deviations s.

        | parameter                              | start           |
        |----------------------------------------|-----------------|
        | item, input and outcome vectors        | N[EMBEDDING]    |
        | item 0 (padding)                       | 0               |
        | weights of gates and perceptron        | Xavier, uniform |
        | the input weights of gates for one-hot | 1, not learned  |
        | biases                                 | 0               |
        """
        for module in self.modules():
            if isinstance(module, nn.Embedding):
                nn.init.trunc_normal_(
                    module.weight, std=EMBEDDING, a=-2 * EMBEDDING, b=2 * EMBEDDING
                )
                if module.padding_idx is not None:
                    module.weight[0].zero_()
            elif isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        for name, weight in self.gru.named_parameters():
            if name.startswith("bias"):
                nn.init.zeros_(weight)
            elif not weight.requires_grad:
                nn.init.eye_(weight)
            else:
                for gate in weight.chunk(3):
                    nn.init.xavier_uniform_(gate)


def _checked(features: Tensor | None, config: GRU4RecConfig) -> Tensor | None:
    """Give the buffer of content features, or refuse them."""
    shape = (config.items + 1, config.features)
    if not config.reads_content:
        if features is not None:
            raise ValueError(f"inputs {config.inputs!r} read no content features, got some")
        return None
    if features is None:
        return torch.full(shape, torch.nan)
    if tuple(features.shape) != shape:
        raise ValueError(
            f"content features are {tuple(features.shape)}, expected {shape}: a row for each track "
            "of the catalog, and row 0 for padding"
        )
    if not features.isfinite().all():
        row, column = (~features.isfinite()).nonzero()[0].tolist()
        raise ValueError(
            f"content feature {column} of item {row} is {features[row, column]}, expected a number;"
            " standardise them (encoders/content.py), which says what to do with missing ones"
        )
    return features.float().clone()
