"""`segue demo`: the whole loop as real processes, live on the terminal, and a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    data: Annotated[
        str | None, typer.Option(help="NAME:PATH [simulated listeners, made for this].")
    ] = None,
    seconds: Annotated[float, typer.Option(min=1, help="How long listeners play.")] = 90.0,
    rate: Annotated[float, typer.Option(min=1, help="Events a second.")] = 150.0,
    every: Annotated[
        float | None, typer.Option(min=1, help="Seconds between fine-tunes [a quarter, 10 to 30].")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write the figures here, as JSON.")] = None,
    bootstrap: Annotated[
        str | None, typer.Option(help="HOST:PORT of a broker that exists [start one].")
    ] = None,
    directory: Annotated[
        Path, typer.Option("--dir", file_okay=False, help="For models, logs and the broker's data.")
    ] = Path(".segue/demo"),
    keep: Annotated[
        bool, typer.Option(help="Keep the broker's data (or topics) and the models of this run.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the split, the training and the stream.")] = 0,
    epochs: Annotated[int | None, typer.Option(min=1, help="Of the base model's training.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report to stdout.")] = False,
) -> None:
    """Start everything, play listeners, learn from them; Ctrl-C ends all of it."""
    from benchmarks.demo.base import SIMULATED, Choices
    from benchmarks.demo.run import run
    from benchmarks.demo.stage import Options
    from benchmarks.machine import own_command

    options = Options(
        data=data or SIMULATED,
        seconds=seconds,
        rate=rate,
        every=every if every is not None else min(30.0, max(10.0, seconds / 4)),
        bootstrap=bootstrap,
        directory=directory,
        keep=keep,
        choices=Choices(seed=seed, epochs=epochs),
    )
    raise typer.Exit(run(options, report, as_json, own_command()))
