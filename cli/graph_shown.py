"""How graphs, and the training of networks over them, are shown."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

if TYPE_CHECKING:
    from models.graphs.training import GraphStep

QUIET = 10.0  # seconds between two lines, where stderr is no terminal


@contextmanager
def steps_shown() -> Iterator[Callable[[GraphStep], None]]:
    """A progress bar on a terminal; elsewhere a line now and then. All on stderr."""
    if sys.stderr.isatty():
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task("training", total=None)

            def move(step: GraphStep) -> None:
                done = (step.epoch - 1) * step.steps + step.step
                total = step.epochs * step.steps
                bar.update(task, description=said(step), completed=done, total=total)

            yield move
        return
    shown = time.monotonic() - QUIET

    def line(step: GraphStep) -> None:
        nonlocal shown
        if time.monotonic() - shown >= QUIET:
            typer.echo(said(step), err=True)
            shown = time.monotonic()

    yield line


def files_shown() -> Callable[[int, int], None]:
    """Tell on stderr now and then how many of several files were read."""
    shown = time.monotonic()

    def line(done: int, total: int) -> None:
        nonlocal shown
        if total > 1 and time.monotonic() - shown >= QUIET / 2:
            typer.echo(f"reading: {done} of {total} files", err=True)
            shown = time.monotonic()

    return line


def said(step: GraphStep) -> str:
    """Say in a line where training stands."""
    return (
        f"training: epoch {step.epoch} of {step.epochs}, step {step.step} of {step.steps}, "
        f"loss {step.loss:.4f}"
    )


def sizes_said(sizes: Mapping[str, Mapping[str, int]], k: int, duplicates: int) -> str:
    """Say what was read and what the core left of it."""
    before, after = sizes["before"], sizes["after"]
    told = _counted(before) + (f" ({duplicates} repeats dropped)" if duplicates else "")
    return told if not k else f"{told}; {k}-core: {_counted(after)}"


def show_epochs(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print a table with a line for each epoch that was judged."""
    judged = [row for row in rows if row["metrics"]]
    names = list(judged[-1]["metrics"]) if judged else []
    table = Table("epoch", "loss", "seconds", *names, title=title)
    for row in judged:
        figures = [f"{row['metrics'][name]:.4f}" for name in names]
        table.add_row(str(row["epoch"]), f"{row['loss']:.4f}", f"{row['seconds']:.1f}", *figures)
    Console().print(table)


def show_metrics(title: str, metrics: Mapping[str, float]) -> None:
    """Print figures of one evaluation."""
    table = Table("figure", "value", title=title)
    for name, value in metrics.items():
        table.add_row(name, f"{value:.4f}")
    Console().print(table)


def numbers(text: str, option: str) -> tuple[int, ...]:
    """Read what an option gives like 20,300.

    Raises:
        ValueError: they are no numbers of 1 or more.
    """
    try:
        found = tuple(int(part) for part in text.split(","))
    except ValueError as err:
        raise ValueError(f"{option} {text!r}: expected numbers like 20,300") from err
    if min(found) < 1:
        raise ValueError(f"{option} {text!r}: expected numbers of 1 or more")
    return found


def _counted(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sizes.items())
