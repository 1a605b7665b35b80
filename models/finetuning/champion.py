"""The champion that a fine-tune starts from, and the successor that it writes.

A champion is a bundle with its learner folder. In that folder lies also which feedback the model
has learned from, and what of it was held out, so that a model and its place in the feedback topic
are one thing. Not here: reading the topic, training, judging.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from export.write import write_bundle
from streams.announcements import bundle_path
from streams.bundle import Bundle, BundleError, open_bundle
from streams.catalog import Catalog
from streams.events import ModelAnnouncement

from ..checkpoint import Learner, learner_directory, load_learner, save_learner
from ..hybrid import parts_of
from ..losses.loss import LossConfig
from ..registry import Registry
from ..sessions import Sessions
from .feedback_window import Visit, carry
from .gate import Numbers
from .trial import Contender

_PLACE, _HELD_OUT = "feedback.json", "held_out.jsonl"


class Place(msgspec.Struct, frozen=True):
    """Where in the feedback topic the next window begins."""

    topic: str
    offsets: dict[int, int] = {}  # partition -> first offset not learned from


@dataclass(frozen=True, eq=False)
class Champion:
    """What a fine-tune starts from."""

    bundle: Bundle
    learner: Learner
    place: Place
    held_out: bytes  # visits held out of its own window, to be learned from in the next

    @property
    def contender(self) -> Contender:
        """The model as a trial compares it."""
        counts = np.array([0, *self.bundle.catalog.counts], dtype=np.int64)
        learner, second = self.learner, self.bundle.second_stage
        return Contender(learner.model, learner.track_ids, counts, learner.counted, second)


def find_champion(
    registry: Registry,
    announced: Mapping[str, ModelAnnouncement],
    name: str | None = None,
    bundle: Path | None = None,
) -> tuple[str, Path]:
    """Find a model line and the folder of its champion.

    The announced champion counts; before the first announcement it is `bundle`, or the newest
    version in the registry. Without `name` there must be one line only.

    Raises:
        BundleError: there is none, its folder is not here, or nobody can tell which is meant.
    """
    if name is None and bundle is not None:
        name = open_bundle(bundle).manifest.name
    if name is None:
        names = sorted(announced) or [n for n in registry.names() if registry.versions(n)]
        if len(names) != 1:
            raise BundleError(
                f"which model? there are {', '.join(names)}: say --name"
                if names
                else f"no champion is announced and {registry.root} is empty: train a model, or "
                "say with --bundle which one the workers serve"
            )
        (name,) = names
    told = announced.get(name)
    if told is not None and told.stage == "champion":
        return name, bundle_path(told, registry.root)
    if bundle is not None:
        return name, bundle
    newest = registry.newest(name)
    if newest is None:
        raise BundleError(
            f"{name} has no champion: none is announced, and {registry.root / name} holds none; "
            "say with --bundle which one the workers serve"
        )
    return name, newest.path


def open_champion(registry: Registry, name: str, path: Path, topic: str) -> Champion:
    """Open a champion and find its place in the feedback topic.

    What a rolled-back child of it learned from is passed over: from the same feedback the same
    candidate would be made again.

    Raises:
        BundleError: the bundle is damaged, of another name, or cannot learn.
    """
    bundle = open_bundle(path)
    if bundle.manifest.name != name:
        raise BundleError(f"{path} holds {bundle.manifest.name}, expected {name}")
    folder = learner_directory(path)
    if not folder.is_dir():
        raise BundleError(
            f"{name} {bundle.manifest.version} ({bundle.manifest.architecture}) cannot be "
            f"fine-tuned: it has no {folder.name} beside it; promote a model that `segue train` "
            "made with one (counts are not fine-tuned)"
        )
    try:
        learner = load_learner(folder)
    except ValueError as err:
        raise BundleError(str(err)) from err
    if learner.track_ids != bundle.catalog.track_ids:
        raise BundleError(f"{folder} is of another catalog than {path}: train the model again")
    place, held_out = _place(folder, topic)
    for record in registry.verdicts(name):
        if record.get("event") == "rolled_back" and record.get("to") == bundle.manifest.version:
            bad = learner_directory(registry.path(name, str(record.get("version"))))
            place = _further(place, _place(bad, topic)[0])
    return Champion(bundle, learner, place, held_out)


def write_successor(
    champion: Champion,
    path: Path,
    model: Contender,
    *,
    loss: LossConfig,
    replay: Sessions,
    held_out: Sequence[Visit],
    place: Place,
    metrics: Numbers,
    training: Mapping[str, Any],
    now: datetime,
) -> Bundle:
    """Write a candidate that was accepted as the bundle `path`, its learner folder first.

    A bundle that is there has then a whole learner; a crash before leaves a folder without a
    bundle, which nothing looks at.

    Raises:
        BundleError: the export is not what was trained.
    """
    old = champion.bundle.catalog
    titles = (*old.titles, *[None] * (len(model.track_ids) - len(old))) if old.titles else ()
    folder = learner_directory(path)
    save_learner(
        folder,
        model.model,
        model.track_ids,
        loss=loss,
        replay=replay,
        anchor=champion.learner.anchor,
        training=training,
        counted=model.counted,
    )
    try:
        (folder / _PLACE).write_bytes(msgspec.json.encode(place))
        (folder / _HELD_OUT).write_bytes(carry(held_out))
        write_bundle(
            path,
            name=champion.bundle.manifest.name,
            version=path.name,
            parent=champion.bundle.manifest.version,
            catalog=Catalog(model.track_ids, tuple(model.counts[1:].tolist()), titles),
            **parts_of(model.model, model.counted, model.counts),
            second_stage=model.second_stage and model.second_stage.grown(len(model.track_ids)),
            metrics=metrics,
            training=training,
            clock=lambda: now,
        )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return open_bundle(path)


def _place(folder: Path, topic: str) -> tuple[Place, bytes]:
    """Read the place in `topic`; a model that never learned from it stands at its beginning."""
    try:
        place = msgspec.json.decode((folder / _PLACE).read_bytes(), type=Place)
        if place.topic == topic:
            return place, (folder / _HELD_OUT).read_bytes()
    except FileNotFoundError:
        pass
    except msgspec.DecodeError as err:
        raise BundleError(f"{folder / _PLACE} cannot be read: {err}; remove the file") from err
    return Place(topic), b""


def _further(one: Place, other: Place) -> Place:
    partitions = one.offsets.keys() | other.offsets.keys()
    return Place(
        one.topic,
        {p: max(one.offsets.get(p, 0), other.offsets.get(p, 0)) for p in sorted(partitions)},
    )
