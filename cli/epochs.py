"""How a training in progress is shown, on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from models.training.optimisation import Step


@contextmanager
def epochs_shown(
    here: bool = True,
) -> Iterator[tuple[Callable[[Step], None], Callable[[str], None]]]:
    """A progress bar on a terminal; elsewhere a line for each epoch. All on stderr, if `here`."""
    if not here:
        yield lambda step: None, lambda text: None
        return
    if sys.stderr.isatty():
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task("training", total=None)
            yield (
                lambda step: bar.update(
                    task, description=said(step), completed=step.done, total=step.total
                ),
                lambda line: bar.console.print(line),
            )
        return
    newest: Step | None = None

    def line(step: Step) -> None:
        nonlocal newest
        if newest is not None and newest.epoch != step.epoch:
            typer.echo(said(newest._replace(valid=step.valid)), err=True)
        newest = step

    yield line, lambda text: typer.echo(text, err=True)


def said(step: Step) -> str:
    """Say in a line where training stands."""
    valid = "" if step.valid is None else f", validation {step.valid:.4f}"
    return f"training: epoch {step.epoch}, loss {step.loss:.3f}{valid}"
