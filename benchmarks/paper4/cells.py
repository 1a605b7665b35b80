"""The cells of the table: what each trains, and the figures that the paper gives for it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from models.encoders.gru4rec import GRU4RecConfig, Inputs
from models.losses.loss import LossConfig
from models.training.schedule import Schedule

from .features import COLUMNS

INPUTS: tuple[Inputs, ...] = ("one-hot", "embedding", "content", "content-mlp")
LOSSES = {
    "cross-entropy": LossConfig(),  # over all tracks
    "bpr": LossConfig(name="bpr", negatives=0, in_batch=True),  # against the batch's other targets
    # As the paper prints it: no regularisation, no ELU.
    "bpr-max": LossConfig(name="bpr-max", negatives=0, in_batch=True, bpreg=0.0, elu=0.0),
}
WIDTH = 128
EPOCHS = 4
RATES, BATCHES, PENALTIES = (0.05, 0.15), (64, 128), (0.0, 1e-5)


class Figures(NamedTuple):
    """Recall@20 and MRR@20."""

    recall: float
    mrr: float


PAPER = {
    "most popular": Figures(0.0696, 0.0095),
    "one-hot cross-entropy": Figures(0.24, 0.024),
    "one-hot bpr": Figures(0.1278, 0.0170),
    "one-hot bpr-max": Figures(0.2132, 0.0205),
    "embedding cross-entropy": Figures(0.2273, 0.023),
    "embedding bpr": Figures(0.1017, 0.0130),
    "embedding bpr-max": Figures(0.1293, 0.0126),
    "content cross-entropy": Figures(0.1533, 0.0177),
    "content bpr": Figures(0.0707, 0.0095),
    "content bpr-max": Figures(0.1045, 0.0110),
    "content-mlp cross-entropy": Figures(0.1640, 0.0191),
    "content-mlp bpr": Figures(0.0532, 0.0082),
    "content-mlp bpr-max": Figures(0.1101, 0.0119),
}
"""Table 2, on 1/330 of MSSD: 365,448 sessions, 505,195 tracks."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One training."""

    inputs: Inputs
    loss: str
    rate: float = RATES[0]
    batch: int = BATCHES[0]
    penalty: float = 0.0  # L2
    epochs: int = EPOCHS

    @property
    def name(self) -> str:
        """The input and the loss, as the table has them."""
        return f"{self.inputs} {self.loss}"

    def key(self) -> str:
        """Name the cell and all its settings, for a file."""
        return "_".join(f"{value}" for value in asdict(self).values())

    def config(self, items: int) -> GRU4RecConfig:
        """Give the sizes; nothing tells the model of skips, as in the paper."""
        reads = self.inputs.startswith("content")
        return GRU4RecConfig(
            items=items,
            width=WIDTH,
            inputs=self.inputs,
            features=COLUMNS if reads else 0,
            dropout=0.2,
            dropout_hidden=0.0,
            item_bias=False,
            outcomes=False,
        )

    def schedule(self) -> Schedule:
        """Give rate, batch and penalty, session-parallel as in the paper."""
        return Schedule(
            mode="session-parallel",
            epochs=self.epochs,
            batch=self.batch,
            learning_rate=self.rate,
            shape="constant",
            weight_decay=self.penalty,
        )

    def record(self) -> dict[str, Any]:
        """Give the settings for the result."""
        return {"name": self.name, **asdict(self)}


def grid(loss: str) -> list[Cell]:
    """Every rate with every batch, and the first of both with each penalty: one epoch each.

    By the embedding input.
    """
    plain = [(rate, batch, PENALTIES[0]) for rate in RATES for batch in BATCHES]
    penalised = [(RATES[0], BATCHES[0], penalty) for penalty in PENALTIES[1:]]
    return [
        Cell(inputs="embedding", loss=loss, rate=rate, batch=batch, penalty=penalty, epochs=1)
        for rate, batch, penalty in [*plain, *penalised]
    ]
