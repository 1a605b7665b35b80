"""`segue eval`: how well a bundle ranks sessions its training never saw, beside the baselines."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

if TYPE_CHECKING:
    from models.evaluation.evaluation import Evaluation

SHOWN = {
    "hit_rate@1": "HR@1",
    "hit_rate@10": "HR@10",
    "hit_rate@20": "HR@20",
    "mrr@20": "MRR@20",
    "ndcg@10": "NDCG@10",
    "heard_hit_rate@10": "heard",
}
SAMPLED = {"sampled_hit_rate@1": "HR@1 *", "sampled_hit_rate@10": "HR@10 *"}


class ProtocolOption(StrEnum):
    """What is asked of each session."""

    NEXT_TRACK = "next-track"
    LEAVE_LAST_OUT = "leave-last-out"
    LOO_FULL = "loo-full"


Data = Annotated[
    str,
    typer.Option(
        help="NAME:PATH of mssd-mini, mssd, 30music, ml-1m, sessions, parquet; or simulated[:…]."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on stdout.")]


def evaluate(
    bundle: Annotated[Path, typer.Option(help="The folder that holds manifest.json.")],
    data: Data,
    protocol: Annotated[
        ProtocolOption,
        typer.Option(
            help="Every next track, or each session's last one; loo-full masks all before it."
        ),
    ] = ProtocolOption.NEXT_TRACK,
    parts: Annotated[
        int | None,
        typer.Option(
            "--subsamples",
            min=2,
            help="Figures over so many equal parts of the test sessions, too.",
        ),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads that score.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Rank the bundle's test sessions through its own ONNX graphs, as a worker would serve them."""
    from models.data.sources import open_source
    from models.evaluation.bundle_evaluation import evaluate_bundle
    from models.evaluation.subsamples import subsampled

    source = open_source(data)
    with sessions_done("evaluating") as progress:
        evaluations = evaluate_bundle(
            bundle, source, protocol.value, threads=threads, progress=progress
        )
    if as_json:
        answer = {
            "protocol": protocol.value,
            "data": source.name,
            "simulated": source.simulated,
            "part": "test",
            "rows": [
                evaluation.row() | ({"subsamples": subsampled(evaluation, parts)} if parts else {})
                for evaluation in evaluations
            ],
        }
        typer.echo(json.dumps(answer))
        return
    label = " (simulated)" if source.simulated else ""
    show(evaluations, f"{source.name}{label}, test sessions, {protocol.value}, full ranking")
    for evaluation in evaluations if parts else ():
        found = subsampled(evaluation, parts or 0)
        figures = (
            f"{heading} {found['metrics'][name]['mean']:.3f} ± {found['metrics'][name]['sd']:.3f}"
            for name, heading in SHOWN.items()
            if name in found["metrics"]
        )
        typer.echo(
            f"{evaluation.model}, over {parts} parts of {found['sessions']} sessions: "
            + ", ".join(figures)
        )


def show(evaluations: Sequence[Evaluation], title: str) -> None:
    """Print one row a model; sampled figures stand apart, since they say less."""
    sampled = evaluations[0].sampled_ranks is not None
    columns = SHOWN | SAMPLED if sampled else SHOWN
    table = Table(title=title, title_justify="left", caption_justify="left")
    table.add_column("model", no_wrap=True)
    for heading in columns.values():
        table.add_column(heading, justify="right")
    for evaluation in evaluations:
        found = evaluation.metrics()
        cells = ["-" if (value := found[name]) is None else f"{value:.3f}" for name in columns]
        table.add_row(evaluation.model, *cells)
    targets = evaluations[0].metrics()["targets"]
    table.caption = f"{targets:,} targets; heard: HR@10 of those listened to" + (
        "; * among 1,000 tracks drawn at random" if sampled else ""
    )
    Console().print(table)


@contextmanager
def sessions_done(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on a terminal; elsewhere a line for each quarter. On stderr."""
    if sys.stderr.isatty():
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(what, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
        return
    quarter = 0

    def line(done: int, total: int) -> None:
        nonlocal quarter
        if 4 * done // max(1, total) > quarter:
            quarter = 4 * done // max(1, total)
            typer.echo(f"{what}: {done} of {total} sessions", err=True)

    yield line
