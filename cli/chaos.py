"""`segue chaos`: faults, bad models and bad input on purpose; was anything lost?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from .kafka import steps

app = typer.Typer(help="Disturb a real cluster under load, and count.")

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


@app.callback(invoke_without_command=True)
def chaos(
    context: typer.Context,
    seed: Annotated[int, typer.Option(help="Of schedule and load: the same faults again.")] = 1,
    minutes: Annotated[float, typer.Option(min=0.2, help="Of load.")] = 5.0,
    nodes: Annotated[int, typer.Option(help="Brokers: 1 or 3.")] = 3,
    workers: Annotated[int, typer.Option(min=1, help="Workers of one group.")] = 3,
    rate: Annotated[float, typer.Option(min=1, help="Events a second.")] = 100.0,
    session_timeout: Annotated[
        float, typer.Option(min=1, help="Of the group, seconds: a dead worker is seen by then.")
    ] = 6.0,
    only: Annotated[str, typer.Option(help="Kinds or lanes of faults, with commas between.")] = "",
    finetune: Annotated[
        bool, typer.Option("--finetune", help="With a fine-tune job, and what may happen to it.")
    ] = False,
    kills: Annotated[
        int | None, typer.Option(min=1, help="Instead: so many SIGKILLs of workers.")
    ] = None,
    bounces: Annotated[
        int | None, typer.Option(min=1, help="Instead: so many SIGKILLs of brokers.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write the JSON here.")] = None,
    picture: Annotated[
        Path | None, typer.Option(help="Draw latency and faults here, as SVG.")
    ] = None,
    directory: Annotated[
        Path, typer.Option("--dir", file_okay=False, help="For logs and the brokers' data.")
    ] = Path(".segue/chaos"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the report to stdout.")] = False,
) -> None:
    """Play listeners, disturb, heal, drain, and audit; Ctrl-C ends all of it.

    Exit code 1 when an event is missing, conflicting or lost, or a session unequal.
    """
    if context.invoked_subcommand is not None:
        return
    if kills is not None and bounces is not None:
        raise typer.BadParameter("give --kills or --bounces, not both")
    from benchmarks.chaos import schedule
    from benchmarks.chaos.kinds import chosen, needs_job
    from benchmarks.chaos.plan import Plan
    from benchmarks.chaos.run import run, shape

    names = [name.strip() for name in only.split(",") if name.strip()]
    size = shape(nodes, workers, session_timeout, learning=finetune or needs_job(names))
    seconds = 60 * minutes
    if kills is not None:
        faults = schedule.kills(seed, kills, size)
    elif bounces is not None:
        faults = schedule.bounces(seed, bounces, size)
    else:
        faults = schedule.mixed(seed, seconds, size, chosen(names, size))
    if kills is not None or bounces is not None:
        seconds = faults[-1].end + schedule.LAST
    plan = Plan(
        faults=faults, seconds=seconds, shape=size, rate=rate, seed=seed, directory=directory
    )
    raise typer.Exit(run(plan, report, picture, as_json))


@app.command("soak")
def soak(
    minutes: Annotated[float, typer.Option(min=0.2, help="Of load; six at least compare.")] = 20.0,
    rate: Annotated[float, typer.Option(min=1, help="Events a second.")] = 300.0,
    seed: Annotated[int, typer.Option(help="Of schedule and load.")] = 1,
    nodes: Annotated[int, typer.Option(help="Brokers: 1 or 3.")] = 1,
    workers: Annotated[int, typer.Option(min=1, help="Workers of one group.")] = 2,
    report: Annotated[Path | None, typer.Option(help="Write the JSON here.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Draw it here, as SVG.")] = None,
    directory: Annotated[Path, typer.Option("--dir", file_okay=False)] = Path(".segue/chaos"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the report to stdout.")] = False,
) -> None:
    """Load and mild faults for long: memory, files and threads at minute five and at the end."""
    from benchmarks.chaos import schedule
    from benchmarks.chaos.kinds import kinds
    from benchmarks.chaos.plan import Plan
    from benchmarks.chaos.run import run, shape
    from benchmarks.chaos.soak import CALM, KINDS, RETENTION_SECONDS

    size, seconds = shape(nodes, workers, 6.0), 60 * minutes
    mild = [kind for kind in KINDS if kind in kinds(size)]
    plan = Plan(
        faults=schedule.mixed(seed, seconds, size, mild, CALM), seconds=seconds, shape=size,
        rate=rate, seed=seed, directory=directory, retention=RETENTION_SECONDS,
    )  # fmt: skip
    raise typer.Exit(run(plan, report, picture, as_json, soak=True))


@app.command("recovery")
def recovery(
    sessions: Annotated[int, typer.Option(min=1, help="That the changelog holds.")] = 100_000,
    seed: Annotated[int, typer.Option(help="Of the events.")] = 1,
    report: Annotated[Path | None, typer.Option(help="Write the JSON here.")] = None,
    directory: Annotated[Path, typer.Option("--dir", file_okay=False)] = Path(".segue/chaos"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the report to stdout.")] = False,
) -> None:
    """Rebuild the state of many sessions from the changelog alone; exit code 1 if it differs."""
    from benchmarks.chaos.run import recovered

    raise typer.Exit(recovered(sessions, seed, directory, report, as_json))


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
    idle: Annotated[
        int | None, typer.Option(min=1, help="Instead: so many sessions of one event each.")
    ] = None,
    bundle: Bundle = None,
    bootstrap: Bootstrap = None,
    report: Report = None,
    as_json: AsJson = False,
) -> None:
    """Send poison among good neighbours; exit code 1 when anything is lost, stuck or changed."""
    from benchmarks.chaos import idle as idle_sessions
    from benchmarks.chaos import inputs_run
    from benchmarks.chaos.inputs import Plan

    with steps() as progress:
        if idle is not None:
            result = idle_sessions.run(idle, seed, bundle, bootstrap, progress)
        else:
            result = inputs_run.run(Plan(count, hot), seed, bundle, bootstrap, progress)
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
