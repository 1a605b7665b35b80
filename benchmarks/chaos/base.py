"""A small model line that can learn: an under-trained base, its learner, and the sessions to come.

Simulated listeners; the base has seen a few of them for a short time, so that a fine-tune by what
the others play is better, and the gate has something to accept. Made by the commands that a person
would use, in processes of their own.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

from infra.broker import BrokerError

from ..demo.processes import Child, Processes, segue

NAME, VERSION = "listeners", "base"
DATA = "simulated:sessions=3000,tracks=300"
_FRACTION, _EPOCHS = "0.2", "2"
_SECONDS = 300.0
_ONE_THREAD = {"OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Base:
    """A model line in a registry, and what its listeners play next."""

    root: Path  # of the registry
    stream: Path  # sessions that the base never saw, as a canonical data set

    @property
    def bundle(self) -> Path:
        """The version that workers start from."""
        return self.root / NAME / VERSION


def make_base(processes: Processes, root: Path, folder: Path) -> Base:
    """Simulate, train, and set the unseen sessions aside; half a minute.

    Raises:
        BrokerError: a step failed.
    """
    base = Base(root, folder / "stream")
    data = folder / "data"
    divide = (sys.executable, "-m", "benchmarks.demo.divide")
    train = segue(
        "train", "--data", f"parquet:{data}", "--in-order", "--fraction", _FRACTION,
        "--epochs", _EPOCHS, "--name", NAME, "--out", base.bundle, "--json",
    )  # fmt: skip
    for name, command in (
        ("sessions", (*divide, "sessions", DATA, data)),
        ("base", train),
        ("stream", (*divide, "unseen", data, base.bundle, base.stream, "0")),
    ):
        _finish(processes.start(name, command, environment=_ONE_THREAD))
    return base


def _finish(child: Child) -> None:
    child.end(time.monotonic() + _SECONDS)
    if child.status != 0:
        raise BrokerError(f"the base model was not made; {child.name} said:\n{child.tail()}")
