"""`segue train`: a data set in, a bundle out."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from .eval import AsJson, Data, show

if TYPE_CHECKING:
    from models.optimisation import Step


class ModelOption(StrEnum):
    """What is trained."""

    SASREC = "sasrec"
    MARKOV = "markov"


class LossOption(StrEnum):
    """What is minimised."""

    CE = "ce"
    SKIP_CONTRASTIVE = "skip-contrastive"


class ContextOption(StrEnum):
    """What the contrastive loss compares tracks with."""

    OUTPUT = "output"
    ITEM = "item"


def train(
    data: Data,
    out: Annotated[
        Path, typer.Option(help="A new folder for the bundle; ROOT/NAME/X makes it version X.")
    ],
    model: Annotated[ModelOption, typer.Option(help="The architecture.")] = ModelOption.SASREC,
    name: Annotated[
        str | None, typer.Option(help="Of the model line; the architecture's if not given.")
    ] = None,
    loss: Annotated[
        LossOption, typer.Option(help="Cross entropy, or with the skip task beside.")
    ] = LossOption.SKIP_CONTRASTIVE,
    context: Annotated[
        ContextOption, typer.Option(help="c of the skip task: encoder output or item embedding.")
    ] = ContextOption.OUTPUT,
    alpha: Annotated[float, typer.Option(min=0, help="Weight of the skip task.")] = 0.5,
    beta: Annotated[float, typer.Option(min=0, help="Weight of the next-track likelihood.")] = 0.5,
    temperature: Annotated[float, typer.Option(help="Of the skip task.")] = 1.0,
    strengths: Annotated[
        str, typer.Option(help="Skips that are noise: 1 at once, 2 early, 3 late.")
    ] = "1,2",
    negatives: Annotated[
        int | None, typer.Option(min=1, help="Sampled softmax; without it, the full catalog.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the sessions.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Stop training after so long.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads of torch on a CPU.")] = 1,
    seed: Annotated[int, typer.Option(help="Of training.")] = 0,
    split_seed: Annotated[int, typer.Option(help="Of the split by session, .8/.1/.1.")] = 0,
    fraction: Annotated[float, typer.Option(help="Of the training sessions, what is used.")] = 1.0,
    in_order: Annotated[
        bool,
        typer.Option("--in-order", help="Split in the data set's order, the first to train on."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Train on 80 % of the sessions, choose by 10 %, and write the bundle; 10 % stay unseen."""
    from models.architectures import make_config
    from models.data.sources import open_source
    from models.losses import LossConfig
    from models.recipe import make_markov, make_network, prepare
    from models.schedule import Schedule
    from models.version import version_for

    schedule = Schedule(epochs=epochs, seconds=seconds, threads=threads)
    config = LossConfig(
        name=loss.value,
        context=context.value,
        alpha=alpha,
        beta=beta,
        temperature=temperature,
        strengths=_strengths(strengths),
        negatives=negatives,
    )
    name = name or model.value
    version_for(out, name)
    source = open_source(data)
    typer.echo(f"reading {source.spec}", err=True)
    prepared = prepare(source, seed=split_seed, train_fraction=fraction, in_order=in_order)
    if model is ModelOption.MARKOV:
        made = make_markov(prepared, out, name=name)
    else:
        try:
            with _epochs() as (progress, say):
                made = make_network(
                    prepared,
                    out,
                    make_config(model.value, {"items": prepared.train.n_items}),
                    name=name,
                    loss=config,
                    schedule=schedule,
                    seed=seed,
                    progress=progress,
                    say=say,
                )
        except FloatingPointError as err:  # an answer and no defect: it cannot be trained like this
            typer.echo(f"segue: {err}", err=True)
            raise typer.Exit(1) from err
    result: dict[str, Any] = {
        "bundle": str(out),
        "learner": None if made.learner is None else str(made.learner),
        "name": made.manifest.name,
        "version": made.manifest.version,
        "tracks": made.manifest.catalog_size,
        "training": made.manifest.training,
        "sessions": {part: len(found) for part, found in prepared.parts._asdict().items()},
        "protocol": "next-track",
        "part": "valid",
        "rows": [evaluation.row() for evaluation in made.validation],
    }
    if as_json:
        typer.echo(json.dumps(result))
        return
    label = " (simulated)" if source.simulated else ""
    show(made.validation, f"{source.name}{label}, validation sessions, next-track, full ranking")
    typer.echo(f"{out}: {made.manifest.name} {made.manifest.version}")


def _strengths(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as err:
        raise ValueError(f"--strengths {text!r}: expected numbers like 1,2") from err


@contextmanager
def _epochs() -> Iterator[tuple[Callable[[Step], None], Callable[[str], None]]]:
    """A progress bar on a terminal; elsewhere a line for each epoch. All on stderr."""
    if sys.stderr.isatty():
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task("training", total=None)
            yield (
                lambda step: bar.update(
                    task, description=_said(step), completed=step.done, total=step.total
                ),
                lambda line: bar.console.print(line),
            )
        return
    newest: Step | None = None

    def line(step: Step) -> None:
        nonlocal newest
        if newest is not None and newest.epoch != step.epoch:
            typer.echo(_said(newest), err=True)
        newest = step

    yield line, lambda text: typer.echo(text, err=True)


def _said(step: Step) -> str:
    valid = "" if step.valid is None else f", validation {step.valid:.4f}"
    return f"training: epoch {step.epoch}, loss {step.loss:.3f}{valid}"
