"""`segue tune`: a small search for good hyper-parameters, written for `segue train --config`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .epochs import said
from .eval import AsJson, Data
from .train import DEFAULTS

if TYPE_CHECKING:
    from models.tuning import Tried, Trying


def tune(
    data: Data,
    out: Annotated[
        Path, typer.Option(help="TOML of the best; the study is kept beside it, in OUT.study.db.")
    ],
    model: Annotated[
        str, typer.Option(help="An architecture (sasrec, …; a wrong name lists them).")
    ] = "sasrec",
    trials: Annotated[int, typer.Option(min=1, help="In all, those of earlier runs too.")] = 20,
    minutes: Annotated[float, typer.Option(min=0, help="Begin no step after so long.")] = 30.0,
    config: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="TOML of the first trial.")
    ] = None,
    given: Annotated[
        list[str] | None,
        typer.Option("--set", help="TABLE.KEY=VALUE over the file; such a key does not vary."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of training and of the search.")] = 0,
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
    """Train many small variations, judge them on the validation sessions, and write the best.

    The first trial is what --config and --set say. Given again, the command goes on with its
    study until that has --trials. Test sessions are never seen.
    """
    from benchmarks.machine import provenance
    from models.configuration import configuration, read_tables, settings
    from models.data.sources import open_source
    from models.recipe import prepare
    from models.search_space import search_space
    from models.tuning import Search, best

    fixed = settings(given or ())
    base = configuration(
        DEFAULTS,
        {} if config is None else read_tables(config),
        fixed,
        {"model": {"architecture": model}},
    )
    space = search_space(base, {f"{table}.{key}" for table in fixed for key in fixed[table]})
    source = open_source(data)
    typer.echo(f"reading {source.spec}", err=True)
    prepared = prepare(
        source,
        seed=split_seed,
        train_fraction=fraction,
        in_order=in_order,
        duplicates=duplicates,
    )
    study = out.with_suffix(".study.db")
    search = Search(prepared.train, prepared.valid, base, space, study, seed)
    tried = search.run(trials, 60 * minutes, progress=_Shown(), ended=_ended)
    winner = best(tried)
    record = {
        **provenance(["segue", *sys.argv[1:]]),
        "data": prepared.training(),
        "model": base.architecture,
        "select_by": base.schedule.select_by,
        "seed": seed,
        "best": winner.trial,
        "trials": [asdict(trial) for trial in tried],
    }
    table = _table(tried, winner)
    found = search.configured(winner)
    out.write_text(_comment(record, table) + "\n" + found.toml(), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(record))
        return
    typer.echo("\n".join(table))
    typer.echo(f"{out}: trial {winner.trial}, {base.schedule.select_by} {winner.valid:.4f}")


class _Shown:
    """A line for each epoch, on stderr."""

    def __init__(self) -> None:
        self._newest: Trying | None = None

    def __call__(self, trying: Trying) -> None:
        before, self._newest = self._newest, trying
        if before is not None and before.step.epoch < trying.step.epoch:
            typer.echo(
                f"trial {before.trial}: {said(before.step._replace(valid=trying.step.valid))}",
                err=True,
            )


def _ended(tried: Tried) -> None:
    valid = "" if tried.valid is None else f", validation {tried.valid:.4f}"
    typer.echo(
        f"trial {tried.trial} {tried.state}{valid}, {tried.seconds:.0f} s: {_values(tried)}",
        err=True,
    )


def _table(tried: Sequence[Tried], winner: Tried) -> list[str]:
    """Say what every trial had and gave, the best first."""
    lines = ["| trial | state | validation | epochs | s | values |", "|---|---|---|---|---|---|"]
    for trial in sorted(tried, key=lambda each: (each.state != "complete", -(each.valid or 0))):
        valid = "" if trial.valid is None else f"{trial.valid:.4f}"
        name = f"**{trial.trial}**" if trial.trial == winner.trial else str(trial.trial)
        lines.append(
            f"| {name} | {trial.state} | {valid} | {trial.epochs} | {trial.seconds:.0f} "
            f"| {_values(trial)} |"
        )
    return lines


def _values(tried: Tried) -> str:
    return ", ".join(
        f"{key.partition('.')[2]} {value:.3g}"
        if isinstance(value, float)
        else f"{key.partition('.')[2]} {value}"
        for key, value in tried.values.items()
    )


def _comment(record: dict[str, Any], table: Sequence[str]) -> str:
    """Say above the configuration where it comes from."""
    data, machine = record["data"], record["machine"]
    lines = [
        f"Found by `{' '.join(record['command'])}`",
        f"at {record['date']}, commit {record['commit']}, on {machine['processor']}.",
        f"{data['data']}, {data['sessions']} training sessions; {record['select_by']} on the "
        f"validation sessions, seed {record['seed']}.",
        "",
        *table,
    ]
    return "".join(f"# {line}".rstrip() + "\n" for line in lines)
