"""How each occurrence ended, as an input of an encoder: the model then knows what was skipped."""

from __future__ import annotations

import torch
from torch import Tensor, nn

OUTCOMES = 5  # codes 0 (unknown, padding) to 4


class OutcomeEmbedding(nn.Embedding):
    """A vector for each outcome code; in training some outcomes are hidden at random.

    In serving the newest one is unknown after a `start`, and a model must have met that.
    """

    def __init__(self, width: int, hidden: float) -> None:
        super().__init__(OUTCOMES, width)
        self.hidden = hidden  # chance in training that an outcome is taken for unknown

    def forward(self, outcomes: Tensor) -> Tensor:
        """Look up, (B, T) -> (B, T, D)."""
        if self.training and self.hidden:
            shown = torch.rand(outcomes.shape, device=outcomes.device) >= self.hidden
            outcomes = outcomes * shown
        return super().forward(outcomes)
