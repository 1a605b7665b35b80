"""A trained graph network in a folder: weights, its graph with all that was hidden, and names.

`config.json`, `weights.safetensors`, `edges.safetensors`, `playlists.parquet`, `tracks.parquet`. It
is written under another name and renamed. No pickle.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import safetensors.numpy
import safetensors.torch
from safetensors import SafetensorError

from ..data.playlists import ABOUT, Playlists
from ..whole import refuse_other, whole_folder
from .edge_split import EdgeSplit
from .encoder import GraphEncoder
from .graph import Graph, union
from .kin import Kin
from .networks import make_graph_config, make_graph_encoder
from .schedule import GraphSchedule

_FORMAT = 1
_PARTS = ("train", "valid", "test")
_CONFIG, _WEIGHTS, _EDGES = "config.json", "weights.safetensors", "edges.safetensors"
_PLAYLISTS, _TRACKS = "playlists.parquet", "tracks.parquet"


@dataclass(frozen=True, eq=False)
class TrainedGraph:
    """A graph network with what it was trained on."""

    model: GraphEncoder  # on the CPU, in evaluation mode
    playlists: Playlists  # their graph is the training one
    split: EdgeSplit
    schedule: GraphSchedule
    training: dict[str, Any]  # data, sizes, seed, and a row for each epoch


class _Config(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    format: int
    architecture: str
    model: dict[str, Any]
    schedule: GraphSchedule
    training: dict[str, Any]


def save_graph(directory: Path, trained: TrainedGraph) -> None:
    """Write the folder whole or not at all; an older one at the same place is replaced."""
    check_place(directory)
    with whole_folder(directory) as work:
        model = trained.model
        weights = {name: w.detach().cpu().contiguous() for name, w in model.state_dict().items()}
        safetensors.torch.save_file(weights, work / _WEIGHTS)
        safetensors.numpy.save_file(_packed(trained.split), work / _EDGES)
        names = pl.Series("playlist_id", trained.playlists.playlist_ids, pl.String).to_frame()
        names.write_parquet(work / _PLAYLISTS, compression="zstd")
        tracks = pl.Series("track_id", trained.playlists.track_ids, pl.String).to_frame()
        if trained.playlists.about is not None:
            tracks = pl.concat([tracks, trained.playlists.about], how="horizontal")
        tracks.write_parquet(work / _TRACKS, compression="zstd")
        config = _Config(
            format=_FORMAT,
            architecture=model.architecture,
            model=asdict(model.config),
            schedule=trained.schedule,
            training=trained.training,
        )
        (work / _CONFIG).write_bytes(msgspec.json.format(msgspec.json.encode(config), indent=1))


def check_place(directory: Path) -> None:
    """Refuse a place that holds something other than a graph network, with ValueError."""
    refuse_other(directory, _EDGES, "is no graph network")


def load_graph(directory: Path) -> TrainedGraph:
    """Read a graph network back.

    Raises:
        ValueError: the folder is missing, incomplete, of another version, or damaged.
    """
    damage = (
        OSError, ValueError, RuntimeError, KeyError, SafetensorError, msgspec.MsgspecError,
        pl.exceptions.PolarsError,
    )  # fmt: skip
    try:
        return _read(directory)
    except damage as err:
        raise ValueError(
            f"{directory} is no graph network that can be read: {err}; train it again with "
            "segue graph train --out"
        ) from err


def _read(directory: Path) -> TrainedGraph:
    config = msgspec.json.decode((directory / _CONFIG).read_bytes(), type=_Config)
    if config.format != _FORMAT:
        raise ValueError(f"it has format {config.format}, this version reads {_FORMAT}")
    sizes = make_graph_config(config.architecture, config.model)
    model = make_graph_encoder(config.architecture, sizes).eval()
    model.load_state_dict(safetensors.torch.load_file(directory / _WEIGHTS))
    split = _unpacked(safetensors.numpy.load_file(directory / _EDGES), sizes.tracks)
    tracks = pl.read_parquet(directory / _TRACKS)
    names = tuple(pl.read_parquet(directory / _PLAYLISTS)["playlist_id"].to_list())
    if (len(names), tracks.height) != (sizes.playlists, sizes.tracks):
        raise ValueError(
            f"{len(names)} playlists and {tracks.height} tracks are named, the network has "
            f"{sizes.playlists} and {sizes.tracks}"
        )
    playlists = Playlists(
        names,
        tuple(tracks["track_id"].to_list()),
        split.train,
        about=tracks.select(ABOUT) if set(ABOUT) <= set(tracks.columns) else None,
    )
    return TrainedGraph(model, playlists, split, config.schedule, config.training)


def _packed(split: EdgeSplit) -> dict[str, np.ndarray[Any, Any]]:
    found: dict[str, np.ndarray[Any, Any]] = {}
    for name in _PARTS:
        graph: Graph = getattr(split, name)
        found |= {f"{name}.starts": graph.starts, f"{name}.tracks": graph.tracks}
        if graph.times is not None:
            found[f"{name}.times"] = graph.times
    if split.train.kin is not None:
        found["kin.groups"] = split.train.kin.groups
    return found


def _unpacked(found: dict[str, np.ndarray[Any, Any]], n_tracks: int) -> EdgeSplit:
    kin = Kin(found["kin.groups"]) if "kin.groups" in found else None
    train, valid, test = (
        Graph(
            found[f"{name}.starts"],
            found[f"{name}.tracks"],
            n_tracks,
            times=found.get(f"{name}.times"),
            kin=kin,
        )
        for name in _PARTS
    )
    known = union(train, valid) if valid.n_edges else train
    return EdgeSplit(train=train, valid=valid, test=test, known=known)
