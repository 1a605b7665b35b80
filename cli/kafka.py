"""`segue kafka`: a real broker for a laptop, with nothing to install."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="A real Kafka broker with nothing to install.")


@app.command()
def up(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0: any that is free.")
    ] = 9092,
    directory: Annotated[
        Path | None,
        typer.Option("--dir", file_okay=False, help="Keep the data here; else they are temporary."),
    ] = None,
) -> None:
    """Run a broker in the foreground until Ctrl-C; prints `ready HOST:PORT` when it answers."""
    from infra.broker import BrokerError, embedded

    # Raised where the main thread is, also while Kafka starts: the blocks below then end it.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
    with ExitStack() as running:
        with steps() as progress:
            broker = running.enter_context(embedded(port, directory, progress=progress))
        typer.echo(f"ready {broker.bootstrap}")
        while broker.alive:
            time.sleep(0.2)
        raise BrokerError(
            f"Kafka on {broker.bootstrap} has ended by itself; last lines of "
            f"{broker.directory / 'kafka.log'}:\n{broker.log_tail()}"
        )


@app.command()
def fetch() -> None:
    """Fetch what the broker needs (about 42 MB, once), so that the first start need not."""
    from infra.broker import prepare

    with steps() as progress:
        prepare(progress)


@contextmanager
def steps() -> Iterator[Callable[[str, int, int], None]]:
    """Show steps on stderr: a bar on a terminal, elsewhere a line for each step."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    shown = ""

    def plain(step: str, done: int, total: int) -> None:
        nonlocal shown
        if step != shown:
            shown = step
            typer.echo(f"{step} ...", err=True)

    if not sys.stderr.isatty():
        yield plain
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("")

        def live(step: str, done: int, total: int) -> None:
            nonlocal shown
            if step != shown:
                shown = step
                bar.reset(task)
            bar.update(task, description=step, completed=done, total=total or None)

        yield live
