"""A training that has not ended, kept so that it can go on to the very same numbers.

One safetensors file, whose header holds the JSON of all that is no tensor: both are always of the
same moment. It is written under another name, synced and renamed, so a kill leaves the newest whole
one. No pickle. What the tensors are is the stepper's to say (stepping.py).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import safetensors.torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..whole import disk_errors

_FORMAT = 1
_FILE = "state.safetensors"
_HEADER = "training"


class Place(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How far a training has come."""

    epoch: int = 1  # that is being run
    step: int = 0  # taken in it
    done: int = 0  # steps in all
    summed: float = 0.0  # losses of this epoch's steps
    losses: list[float] = []  # mean of each epoch
    valid: list[float] = []  # what validation gave after each
    best_epoch: int = 0
    seconds: float = 0.0
    over: bool = False  # nothing is left but to take the best weights
    epochs: list[dict[str, Any]] = []  # what is told of each epoch (graphs/training.py)


class _Header(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    format: int
    identity: dict[str, Any]
    place: Place


@dataclass(frozen=True)
class TrainingState:
    """The folder that keeps one training; `identity` says which, each part with its name."""

    folder: Path
    identity: Mapping[str, Any]
    every: float  # seconds between two writes; the end of an epoch is written in any case

    def write(self, place: Place, tensors: Mapping[str, Tensor]) -> None:
        """Replace what is kept; a kill at any moment leaves the old state or the new one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        header = _Header(format=_FORMAT, identity=dict(self.identity), place=place)
        metadata = {_HEADER: msgspec.json.encode(header).decode()}
        work = self.folder / f".{_FILE}.{os.getpid()}.tmp"
        contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        with disk_errors():
            safetensors.torch.save_file(contiguous, work, metadata)
        with work.open("rb") as file:
            os.fsync(file.fileno())
        work.replace(self.folder / _FILE)

    def read(self) -> tuple[Place, dict[str, Tensor]] | None:
        """Give what is kept; None where nothing is.

        Raises:
            ValueError: it is damaged, or of another training.
        """
        path = self.folder / _FILE
        if not path.exists():
            return None
        try:
            with safe_open(path, "pt") as file:
                text = (file.metadata() or {}).get(_HEADER, "")
                header = msgspec.json.decode(text, type=_Header)
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError, msgspec.MsgspecError) as err:
            raise ValueError(
                f"{path} cannot be read: {err}; delete {self.folder} to train from the beginning"
            ) from err
        self._check(header)
        return header.place, tensors

    def _check(self, header: _Header) -> None:
        found = {"format": header.format, **header.identity}
        # As they come back from JSON: tuples are lists there.
        wanted = msgspec.json.decode(msgspec.json.encode({"format": _FORMAT, **self.identity}))
        other = [name for name in wanted if found.get(name) != wanted[name]]
        if other:
            told = "; ".join(
                f"{name} {_differing(found.get(name), wanted[name])}" for name in other
            )
            raise ValueError(
                f"{self.folder} keeps another unfinished training: {told}; go on with what that "
                "one was started with, or delete the folder to begin anew"
            )


def state_directory(bundle: Path) -> Path:
    """Where a bundle's training is kept until it is written: beside it, as `VERSION.training`."""
    return bundle.with_name(f"{bundle.name}.training")


def digest(parts: Iterable[Tensor | str]) -> str:
    """Name data by its content: the first 16 hex digits of a SHA-256."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part.encode() if isinstance(part, str) else part.cpu().numpy().tobytes())
        found.update(b"\0")
    return found.hexdigest()[:16]


def _differing(found: object, wanted: object) -> str:
    """Say what differs, in a table only the fields that do."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        names = [name for name in {**found, **wanted} if found.get(name) != wanted.get(name)]
        found, wanted = ({name: side.get(name) for name in names} for side in (found, wanted))
    return f"was {found}, is now {wanted}"
