"""`segue chaos`: faults, bad models and bad input on purpose, and whether the promise was kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from .kafka import steps

app = typer.Typer(no_args_is_help=True, help="Faults, bad models and bad input, on purpose.")

Count = Annotated[int, typer.Option(min=0, help="How many at random, beyond the named ones.")]
Seed = Annotated[int, typer.Option(help="The same seed makes the same damage.")]
Bundle = Annotated[
    Path | None, typer.Option(help="The bundle to serve; else an untrained stand-in is made.")
]
Bootstrap = Annotated[
    str | None, typer.Option(help="HOST:PORT of a broker for topics of its own; else embedded.")
]
Report = Annotated[Path | None, typer.Option(help="Write the result there, with its machine.")]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to stdout.")]


@app.command()
def models(
    count: Count = 1000,
    seed: Seed = 0,
    bundle: Bundle = None,
    bootstrap: Bootstrap = None,
    report: Report = None,
    as_json: AsJson = False,
) -> None:
    """Damage a bundle in twelve ways and at random; exit code 1 when a damaged one would serve."""
    from benchmarks.chaos.models_run import run

    with steps() as progress:
        result = run(count, seed, bundle, bootstrap, progress)
    _tell(result, report, as_json)


@app.command()
def inputs(
    count: Count = 100_000,
    seed: Seed = 0,
    hot: Annotated[int, typer.Option(min=0, help="Events of one hot session.")] = 100_000,
    idle: Annotated[int, typer.Option(min=0, help="Sessions of one event each.")] = 0,
    bundle: Bundle = None,
    bootstrap: Bootstrap = None,
    report: Report = None,
    as_json: AsJson = False,
) -> None:
    """Send poison among good neighbours; exit code 1 when anything is lost, stuck or changed."""
    from benchmarks.chaos.inputs import Plan
    from benchmarks.chaos.inputs_run import run

    with steps() as progress:
        result = run(Plan(count, hot, idle), seed, bundle, bootstrap, progress)
    _tell(result, report, as_json)


def _tell(result: dict[str, Any], report: Path | None, as_json: bool) -> None:
    from benchmarks.machine import provenance, write_result

    if report is not None:
        write_result(report, {**provenance(), **result})
    if as_json:
        typer.echo(json.dumps(result))
    else:
        for name, value in result.items():
            typer.echo(f"{name:20} {json.dumps(value)}")
    if not result["kept"]:
        raise typer.Exit(1)
