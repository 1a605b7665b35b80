"""`segue train`: a data set in, a bundle out."""

from __future__ import annotations

import json
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from .epochs import epochs_shown
from .eval import AsJson, Data, show

DEFAULTS = {"model": {"architecture": "sasrec"}, "loss": {"name": "skip-contrastive"}}


class ContextOption(StrEnum):
    """What the contrastive loss compares tracks with."""

    OUTPUT = "output"
    ITEM = "item"


def train(
    data: Data,
    out: Annotated[
        Path, typer.Option(help="A new folder for the bundle; ROOT/NAME/X makes it version X.")
    ],
    model: Annotated[
        str | None,
        typer.Option(
            help="An architecture (sasrec, …; a wrong name lists them), markov, or hybrid: the "
            "architecture of --config or --set, with counts beside it."
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Of the model line; the architecture's if not given.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="TOML with [model], [loss], [schedule], …"),
    ] = None,
    given: Annotated[
        list[str] | None,
        typer.Option("--set", help="TABLE.KEY=VALUE over the file, as schedule.batch=64."),
    ] = None,
    loss: Annotated[
        str | None,
        typer.Option(
            help="ce, bpr, bpr-max, top1-max, gbce; skip-contrastive if nothing else says so."
        ),
    ] = None,
    context: Annotated[
        ContextOption | None,
        typer.Option(help="c of the skip task: encoder output or item embedding."),
    ] = None,
    alpha: Annotated[float | None, typer.Option(min=0, help="Weight of the skip task.")] = None,
    beta: Annotated[
        float | None, typer.Option(min=0, help="Weight of the next-track likelihood.")
    ] = None,
    temperature: Annotated[float | None, typer.Option(help="Of the skip task.")] = None,
    strengths: Annotated[
        str | None, typer.Option(help="Skips that are noise: 1 at once, 2 early, 3 late; as 1,2.")
    ] = None,
    negatives: Annotated[
        int | None, typer.Option(min=0, help="Drawn for a batch; without it, the full catalog.")
    ] = None,
    features: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="Parquet of track_id and numbers, for model.inputs=content or content-mlp.",
        ),
    ] = None,
    items: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="Track embeddings to begin with, as `segue graph embed` writes them.",
        ),
    ] = None,
    freeze_items: Annotated[
        bool, typer.Option("--freeze-items", help="Leave the embeddings of --items as they are.")
    ] = False,
    second_stage: Annotated[
        bool,
        typer.Option(
            "--second-stage", help="Rank its best 100 again, by what a table [rerank] says."
        ),
    ] = False,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the sessions.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Stop training after so long.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of torch on a CPU.")] = None,
    seed: Annotated[int, typer.Option(help="Of training.")] = 0,
    split_seed: Annotated[int, typer.Option(help="Of the split by session, .8/.1/.1.")] = 0,
    fraction: Annotated[float, typer.Option(help="Of the training sessions, what is used.")] = 1.0,
    in_order: Annotated[
        bool,
        typer.Option("--in-order", help="Split in the data set's order, the first to train on."),
    ] = False,
    duplicates: Annotated[
        bool, typer.Option("--duplicates", help="Keep sessions that repeat another's tracks.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Train on 80 % of the sessions, choose by 10 %, and write the bundle; 10 % stay unseen.

    Flags win over --set, and both over --config. A training that was killed goes on when the
    same command is given again.
    """
    from models.configuration import configuration, read_tables, settings
    from models.data.sources import open_source
    from models.encoders.content import feature_names, read_features
    from models.items.item_start import check_split, item_start
    from models.items.track_embeddings import read_embeddings
    from models.recipe import Made, make_markov, make_network, prepare
    from models.training.replicas import joined_replicas
    from models.version import version_for

    flags: dict[str, dict[str, Any]] = {
        "model": {
            "architecture": None if model == "hybrid" else model,
            "features": None if features is None else len(feature_names(features)),
        },
        "loss": {
            "name": loss,
            "context": context and context.value,
            "alpha": alpha,
            "beta": beta,
            "temperature": temperature,
            "strengths": strengths and _strengths(strengths),
            "negatives": negatives,
        },
        "schedule": {"epochs": epochs, "seconds": seconds, "threads": threads},
    }
    beside: dict[str, dict[str, Any]] = {"counts": {}} if model == "hybrid" else {}
    if second_stage:
        beside["rerank"] = {}
    counted = model == "markov"
    if counted and (config or given or features or items or second_stage):
        raise ValueError(
            "markov has nothing to configure: leave --config, --set, --features, --items, "
            "--second-stage out"
        )
    if freeze_items and items is None:
        raise ValueError("--freeze-items freezes what --items gives: give --items too")
    chosen = configuration(
        DEFAULTS,
        {} if config is None else read_tables(config),
        settings(given or ()),
        {} if counted else _given(flags) | beside,
    )
    name = name or model or (chosen.architecture if chosen.counts is None else "hybrid")
    version_for(out, name)
    source = open_source(data)
    typer.echo(f"reading {source.spec}", err=True)
    prepared = prepare(
        source,
        seed=split_seed,
        train_fraction=fraction,
        in_order=in_order,
        duplicates=duplicates,
    )
    track_ids = prepared.train.track_ids
    if counted:
        made: Made | None = make_markov(prepared, out, name=name)
    else:
        network = chosen.model(prepared.train.n_items)
        start = None
        if items is not None:
            embeddings = read_embeddings(items)
            if warning := check_split(embeddings, prepared.split):
                typer.echo(f"segue: {warning}", err=True)
            start = item_start(embeddings, track_ids, network.width, frozen=freeze_items)
        try:
            with joined_replicas(os.environ) as group, epochs_shown(group.first) as shown:
                progress, say = shown
                made = make_network(
                    prepared,
                    out,
                    network,
                    name=name,
                    loss=chosen.loss,
                    schedule=chosen.schedule,
                    hybrid=chosen.counts,
                    rerank=chosen.rerank,
                    seed=seed,
                    features=None if features is None else read_features(features, track_ids),
                    start=start,
                    replicas=group,
                    progress=progress,
                    say=say,
                )
        except FloatingPointError as err:  # an answer and no defect: it cannot be trained like this
            typer.echo(f"segue: {err}", err=True)
            raise typer.Exit(1) from err
    if made is None:  # another process of torchrun's writes and answers
        return
    result: dict[str, Any] = {
        "bundle": str(out),
        "learner": None if made.learner is None else str(made.learner),
        "name": made.manifest.name,
        "version": made.manifest.version,
        "tracks": made.manifest.catalog_size,
        "training": made.manifest.training,
        "sessions": {part: len(found) for part, found in prepared.parts._asdict().items()},
        "protocol": "next-track",
        "part": made.manifest.metrics["part"],
        "rows": [evaluation.row() for evaluation in made.validation],
    }
    if as_json:
        typer.echo(json.dumps(result))
        return
    label = " (simulated)" if source.simulated else ""
    part = f"{'half of the ' if chosen.rerank else ''}validation sessions"
    show(made.validation, f"{source.name}{label}, {part}, next-track, full ranking")
    typer.echo(f"{out}: {made.manifest.name} {made.manifest.version}")


def _strengths(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as err:
        raise ValueError(f"--strengths {text!r}: expected numbers like 1,2") from err


def _given(flags: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Leave out the flags that were not given: they must not win over the file."""
    return {
        table: {key: value for key, value in keys.items() if value is not None}
        for table, keys in flags.items()
    }
