"""What each training came to: ranks of every question, kept in a folder."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors.numpy

from models.encoders.architectures import make_config
from models.items.item_start import item_start
from models.items.track_embeddings import TrackEmbeddings
from models.losses.loss import LossConfig
from models.training.schedule import Schedule
from models.training.train import train
from models.whole import write_whole

from .cold import Answers, Withheld, asked, drawn_rows, placed_rows

WAYS = {"random": ("random", "random placed"), "graph": ("graph",)}
"""Start of a model -> what its cold tracks' rows make of it."""


@dataclass(frozen=True)
class Cell:
    """One training."""

    data: str
    model: str
    init: str
    seed: int

    @property
    def name(self) -> str:
        """All of it in one word."""
        return f"{self.data}_{self.model}_{self.init}_{self.seed}"


class Outcomes:
    """A folder with a file for each cell and way."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def has(self, cell: Cell) -> bool:
        """Whether all of a cell is there."""
        return all(self._file(cell, way).exists() for way in WAYS[cell.init])

    def read(self, cell: Cell, way: str) -> tuple[Answers, int]:
        """Give the answers of a cell, and how many tracks were warm."""
        kept = safetensors.numpy.load_file(self._file(cell, way))
        answers = Answers(kept["ranks"], kept["target"], kept["session"])
        return answers, int(kept["warm"][0])

    def fill(
        self,
        cell: Cell,
        withheld: Withheld,
        graph: TrackEmbeddings,
        schedule: Schedule,
        *,
        width: int,
    ) -> None:
        """Train the cell's model, ask it, and keep the answers; a killed training goes on."""
        checkpoint = self.folder / f"{cell.name}.training"
        start = None
        if cell.init == "graph":
            start = item_start(graph, withheld.train.track_ids, width)
        trained = train(
            withheld.train,
            withheld.valid,
            make_config(cell.model, {"items": withheld.warm, "width": width}),
            LossConfig(),
            schedule,
            seed=cell.seed,
            start=start,
            checkpoint=checkpoint,
        )
        model = trained.model.cpu()
        drawn = drawn_rows(model, len(withheld.cold), cell.seed)
        for way in WAYS[cell.init]:
            rows = drawn if way == "random" else placed_rows(model, withheld, graph)
            self._keep(cell, way, asked(model, withheld, rows), withheld.warm)
        shutil.rmtree(checkpoint, ignore_errors=True)

    def _keep(self, cell: Cell, way: str, answers: Answers, warm: int) -> None:
        kept = {
            "ranks": answers.ranks,
            "target": answers.target,
            "session": answers.session,
            "warm": np.array([warm]),
        }
        raw = safetensors.numpy.save({k: v.astype(np.int64) for k, v in kept.items()})
        write_whole(self._file(cell, way), raw)

    def _file(self, cell: Cell, way: str) -> Path:
        return self.folder / f"{cell.name}_{way.replace(' ', '-')}.safetensors"
