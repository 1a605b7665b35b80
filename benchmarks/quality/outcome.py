"""What one contestant did with one seed, and how it is kept between runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from models.evaluation.evaluation import Evaluation
from models.questions import Bools, ProtocolName

_KEPT = ("session", "heard", "ranks", "sampled_ranks", "won", "pairs")  # what intervals need
_DIGITS = 6


@dataclass(frozen=True, eq=False)
class Answers:
    """One protocol's figures, and the answers that intervals are made of."""

    evaluation: Evaluation
    novel: Bools  # (n,) whether the question's session shares no run with training
    metrics: Mapping[str, float | int | None]

    @classmethod
    def of(cls, evaluation: Evaluation, novel: Bools) -> Answers:
        """Sum up; figures of novel sessions stand beside the others as `novel_…`."""
        found = evaluation.metrics()
        if novel.any():
            figures = evaluation.of(novel).metrics().items()
            left_out = ("heard_", "recall")  # a table of them would say nothing new
            found |= {f"novel_{name}": v for name, v in figures if not name.startswith(left_out)}
        rounded = {n: round(v, _DIGITS) if isinstance(v, float) else v for n, v in found.items()}
        return cls(evaluation, novel, rounded)


@dataclass(frozen=True, eq=False)
class Outcome:
    """One contestant, one seed."""

    model: str
    kind: str
    loss: str | None
    seed: int
    seconds: float  # of training or counting; ranking is not in it
    losses: list[float]  # mean of each epoch
    valid: list[float]  # validation figure after each, by which the epoch was chosen
    commit: str
    answers: Mapping[ProtocolName, Answers]

    def rows(self) -> list[dict[str, Any]]:
        """Give a row for each protocol, as the command prints it."""
        return [
            {
                "model": self.model,
                "kind": self.kind,
                "loss": self.loss,
                "protocol": protocol,
                "seed": self.seed,
                "metrics": dict(answers.metrics),
                "seconds": round(self.seconds, 3),
                "epochs": len(self.losses),
            }
            for protocol, answers in self.answers.items()
        ]

    def write(self, path: Path) -> None:
        """Keep it at `path` (.npz), whole or not at all."""
        told = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "answers"}
        told["metrics"] = {name: dict(found.metrics) for name, found in self.answers.items()}
        arrays: dict[str, NDArray[Any]] = {
            "told": np.frombuffer(json.dumps(told).encode(), np.uint8)
        }
        for protocol, found in self.answers.items():
            arrays[f"{protocol}/novel"] = found.novel
            for name in _KEPT:
                if (values := getattr(found.evaluation, name)) is not None:
                    arrays[f"{protocol}/{name}"] = values
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".tmp")
        with fresh.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)
        fresh.replace(path)

    @classmethod
    def read(cls, path: Path) -> Outcome:
        """Read what `write` kept.

        Raises:
            ValueError: it is damaged.
        """
        try:
            return cls._read(path)
        except (BadZipFile, EOFError, KeyError, OSError, TypeError, ValueError) as err:
            raise ValueError(f"{path} cannot be read: {err!r}; delete it to make it anew") from err

    @classmethod
    def _read(cls, path: Path) -> Outcome:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            told = json.loads(kept["told"].tobytes())
            answers = {}
            for protocol, metrics in told.pop("metrics").items():
                values = {name: kept.get(f"{protocol}/{name}") for name in _KEPT}
                evaluation = Evaluation(model=told["model"], **values)
                answers[protocol] = Answers(evaluation, kept[f"{protocol}/novel"], metrics)
        return cls(**told, answers=answers)
