"""The recipe of a bundle: a data set is split, a model trained and validated, and all written.

The steps themselves are elsewhere (split.py, training/train.py, evaluation/evaluate.py,
export.write); this is their order, and what the manifest says of them.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from export.write import write_bundle
from streams.catalog import Catalog
from streams.manifest import Manifest

from .checkpoint import learner_directory, save_learner
from .counting.baselines import Markov, MostPopular
from .data.sources import Source
from .encoders.encoder import EncoderConfig
from .evaluation.evaluate import evaluate
from .evaluation.evaluation import Evaluation
from .hybrid import HybridConfig, parts_of
from .items.item_start import ItemStart
from .losses.loss import LossConfig
from .questions import Ranker
from .second_stage.rerank import RerankConfig
from .sessions import Sessions
from .split import Parts, Split
from .stages import check_rerank, stages
from .training.optimisation import Progress
from .training.replicas import ALONE, Replicas
from .training.schedule import Schedule
from .training.state import state_directory
from .training.train import train
from .version import version_for

REPLAYED = 20_000  # sessions kept for replay at most


@dataclass(frozen=True, eq=False)
class Prepared:
    """A data set, split; the catalog is what the training part holds."""

    split: Split
    parts: Parts  # over the catalog of the data set
    train: Sessions  # over the bundle's catalog, as the next one
    valid: Sessions

    @property
    def catalog(self) -> Catalog:
        """The bundle's catalog: most played first."""
        return Catalog(
            track_ids=self.train.track_ids, counts=tuple(self.train.counts()[1:].tolist())
        )

    def training(self) -> dict[str, Any]:
        """Say for a manifest what was trained on."""
        return {
            "data": self.split.data,
            "simulated": self.split.simulated,
            "split": self.split.record(),
            "sessions": len(self.train),
            "occurrences": int(self.train.offsets[-1]),
        }


@dataclass(frozen=True, eq=False)
class Made:
    """A bundle that was written, and how its model and the baselines do on validation sessions."""

    manifest: Manifest
    learner: Path | None
    validation: list[Evaluation]


def prepare(
    source: Source,
    *,
    seed: int = 0,
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
    train_fraction: float = 1.0,
    in_order: bool = False,
    duplicates: bool = False,
) -> Prepared:
    """Read a data set, drop duplicates if need be, split by session: at random, or in its order.

    Raises:
        ValueError: it is too small to be split.
    """
    loaded = source.load()
    distinct = loaded if duplicates else loaded.deduplicated()
    split = Split(
        data=source.name,
        simulated=source.simulated,
        sessions=len(distinct),
        seed=seed,
        train_fraction=train_fraction,
        fractions=fractions,
        in_order=in_order,
        duplicates=duplicates,
    )
    parts = split.parts(distinct)
    if not (len(parts.train) and len(parts.valid)):
        raise ValueError(
            f"{source.spec} has {len(distinct)} distinct sessions, of which {len(parts.train)} are "
            f"to train on and {len(parts.valid)} to validate with; give more data"
        )
    train_sessions = parts.train.compacted()
    return Prepared(split, parts, train_sessions, parts.valid.reindexed(train_sessions.track_ids))


def make_network(
    prepared: Prepared,
    out: Path,
    config: EncoderConfig,
    *,
    name: str,
    loss: LossConfig,
    schedule: Schedule,
    hybrid: HybridConfig | None = None,
    rerank: RerankConfig | None = None,
    seed: int = 0,
    features: Tensor | None = None,
    start: ItemStart | None = None,
    replicas: Replicas = ALONE,
    progress: Progress = lambda step: None,
    say: Callable[[str], None] = lambda line: None,
) -> Made | None:
    """Train the network of `config`; write the bundle `out`, and its learner beside it.

    A hybrid counts the same sessions, and its bundle holds both (hybrid.py). A second stage is
    fitted on one half of the validation sessions; the figures are then of the other. `features` are
    those of the catalog's tracks, for a network that reads content; `start` are item embeddings
    from elsewhere. An interrupted training goes on, from `OUT.training`. Replicas but the first
    give None.

    Raises:
        ValueError: `out` exists or cannot be a version, there is nothing to train on, or no bundle
            can have a second stage like `rerank`.
        FloatingPointError: training failed.
        BundleError: the export is not what was trained.
    """
    version = version_for(out, name)
    if rerank is not None:
        check_rerank(rerank, prepared.valid)
    checkpoint = state_directory(out)
    if checkpoint.exists():
        say(f"going on with the training that {checkpoint} keeps")
    trained = train(
        prepared.train,
        prepared.valid,
        config,
        loss,
        schedule,
        seed=seed,
        features=features,
        start=start,
        checkpoint=checkpoint,
        replicas=replicas,
        progress=progress,
    )
    if not replicas.first:
        return None
    model = trained.model.cpu()
    found = stages(
        model, prepared.train, prepared.valid, hybrid, rerank, name=name, seed=seed, say=say
    )
    say("ranking the validation sessions")
    validation = _validate(found.ranker, prepared, found.valid)
    training = {
        **prepared.training(),
        "seed": seed,
        "loss": asdict(loss),
        "schedule": asdict(schedule),
        "epochs": len(trained.losses),
        "best_epoch": trained.best_epoch,
        "seconds": round(trained.seconds, 1),
        **({} if start is None else {"items": dict(start.record)}),
        **({} if rerank is None else {"rerank": asdict(rerank)}),
    }
    say("proving that the exported graphs rank as the model does, and writing the bundle")
    manifest = write_bundle(
        out,
        name=name,
        version=version,
        catalog=prepared.catalog,
        **parts_of(model, found.counted, prepared.train.counts()),
        second_stage=None if found.second is None else found.second.exported(),
        metrics=_metrics(validation[0], "valid" if rerank is None else "half of valid"),
        training=training,
    )
    learner = learner_directory(out)
    save_learner(
        learner,
        model,
        prepared.train.track_ids,
        loss=loss,
        replay=_sample(prepared.parts.train, seed),
        anchor=prepared.parts.valid,
        training=training,
        counted=found.counted,
    )
    shutil.rmtree(checkpoint, ignore_errors=True)  # what it kept is in the bundle now
    return Made(manifest, learner, validation)


def make_markov(prepared: Prepared, out: Path, *, name: str) -> Made:
    """Count transitions and write them as the bundle `out`.

    Raises:
        ValueError: `out` exists or cannot be a version.
    """
    version = version_for(out, name)
    markov = Markov.fit(prepared.train)
    markov.name = name
    validation = _validate(markov, prepared, prepared.valid)
    manifest = write_bundle(
        out,
        name=name,
        version=version,
        architecture="markov",
        config={"steps": 1},
        catalog=prepared.catalog,
        counts=markov.transitions,
        metrics=_metrics(validation[0], "valid"),
        training=prepared.training(),
    )
    return Made(manifest, None, validation)


def _validate(ranker: Ranker, prepared: Prepared, valid: Sessions) -> list[Evaluation]:
    """Compare the model with the baselines on the validation sessions; the model comes first."""
    baselines: list[Ranker] = [MostPopular.fit(prepared.train), Markov.fit(prepared.train)]
    return evaluate([ranker, *baselines], valid, prepared.train.counts())


def _metrics(evaluation: Evaluation, part: str) -> dict[str, Any]:
    return {"part": part, "protocol": "next-track", **evaluation.metrics()}


def _sample(sessions: Sessions, seed: int) -> Sessions:
    chosen = np.random.default_rng(seed).permutation(len(sessions))[:REPLAYED]
    return sessions.select(np.sort(chosen))
