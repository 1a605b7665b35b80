"""What the learning side keeps of a bundle, in the folder beside it: `VERSION.learner`.

`weights.safetensors`, `config.json`, and two canonical tables of sessions: `replay.parquet`, a
sample of what was trained on, and `anchor.parquet`, held out and never trained on, against which
forgetting is measured. A hybrid's folder has `steps.parquet` besides, the steps it has counted.
Nothing here serves (the bundle does that), and there is no pickle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import safetensors.torch
from safetensors import SafetensorError

from streams.counts import TransitionCounts

from .data.canonical import SCHEMA, to_frame, to_sessions
from .encoders.architectures import make_config, make_encoder
from .encoders.encoder import Encoder
from .hybrid import Counted, HybridConfig
from .losses.loss import LossConfig
from .sessions import Sessions
from .whole import whole_folder

_FORMAT = 1
_WEIGHTS, _CONFIG, _STEPS = "weights.safetensors", "config.json", "steps.parquet"
_TABLES = ("replay", "anchor")


@dataclass(frozen=True, eq=False)
class Learner:
    """A model that can go on learning, and what it must not forget."""

    model: Encoder  # on the CPU, in evaluation mode
    track_ids: tuple[str, ...]  # item i is track_ids[i - 1]
    loss: LossConfig
    training: dict[str, Any]  # as in the bundle's manifest
    # Each over a catalog of its own, so that a track which the model does not know yet is not lost:
    # `replay.reindexed(track_ids)` gives what the model can read.
    replay: Sessions
    anchor: Sessions
    counted: Counted | None = None  # of a hybrid


class _Config(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    format: int
    architecture: str
    model: dict[str, Any]
    loss: LossConfig
    training: dict[str, Any]
    track_ids: tuple[str, ...]
    hybrid: HybridConfig | None = None


def learner_directory(bundle: Path) -> Path:
    """Where a bundle's learner lies: beside it, as `VERSION.learner`."""
    return bundle.with_name(f"{bundle.name}.learner")


def save_learner(
    directory: Path,
    model: Encoder,
    track_ids: tuple[str, ...],
    *,
    loss: LossConfig,
    replay: Sessions,
    anchor: Sessions,
    training: Mapping[str, Any],
    counted: Counted | None = None,
) -> None:
    """Write the folder whole or not at all; an older one at the same place is replaced."""
    if len(track_ids) != model.config.items:
        raise ValueError(
            f"the model has {model.config.items} items, got {len(track_ids)} track ids"
        )
    with whole_folder(directory) as work:
        weights = {name: w.detach().cpu().contiguous() for name, w in model.state_dict().items()}
        safetensors.torch.save_file(weights, work / _WEIGHTS)
        config = {
            "format": _FORMAT,
            "architecture": model.architecture,
            "model": asdict(model.config),
            "loss": asdict(loss),
            "training": dict(training),
            "track_ids": track_ids,
        }
        if counted is not None:
            config["hybrid"] = asdict(counted.config)
            (work / _STEPS).write_bytes(counted.steps.to_parquet())
        (work / _CONFIG).write_bytes(msgspec.json.format(msgspec.json.encode(config), indent=1))
        for name, sessions in zip(_TABLES, (replay, anchor), strict=True):
            to_frame(sessions).write_parquet(work / f"{name}.parquet", compression="zstd")


def load_learner(directory: Path) -> Learner:
    """Read a learner back.

    Raises:
        ValueError: the folder is missing, incomplete, of another version, or damaged.
    """
    damage = (
        OSError, ValueError, RuntimeError, SafetensorError, msgspec.MsgspecError,
        pl.exceptions.PolarsError,
    )  # fmt: skip
    try:
        return _read(directory)
    except damage as err:
        raise ValueError(
            f"{directory} is no learner that can be read: {err}; train the model again"
        ) from err


def _read(directory: Path) -> Learner:
    config = msgspec.json.decode((directory / _CONFIG).read_bytes(), type=_Config)
    if config.format != _FORMAT:
        raise ValueError(f"it has format {config.format}, this version reads {_FORMAT}")
    sizes = make_config(config.architecture, config.model)
    if len(config.track_ids) != sizes.items:
        raise ValueError(f"{len(config.track_ids)} track ids for {sizes.items} items")
    model = make_encoder(sizes).eval()
    model.load_state_dict(safetensors.torch.load_file(directory / _WEIGHTS))
    replay, anchor = (_table(directory / f"{name}.parquet") for name in _TABLES)
    counted = None
    if config.hybrid is not None:
        steps = TransitionCounts.from_parquet((directory / _STEPS).read_bytes())
        if steps.largest_item > sizes.items:
            raise ValueError(f"{_STEPS} names item {steps.largest_item} of {sizes.items}")
        counted = Counted(steps, config.hybrid)
    return Learner(model, config.track_ids, config.loss, config.training, replay, anchor, counted)


def _table(path: Path) -> Sessions:
    frame = pl.read_parquet(path)
    if dict(frame.schema) != SCHEMA:
        raise ValueError(f"{path.name} has columns {dict(frame.schema)}, expected {SCHEMA}")
    return to_sessions(frame)
