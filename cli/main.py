"""The `segue` command: every verb, and what an error means for the exit code.

Exit codes: 0 done, 1 the answer is no, 2 misuse, 3 the environment (broker, disk, GPU) is missing.
It has no logic of its own, and imports nothing heavy: `segue --help` answers at once.
"""

from __future__ import annotations

import errno
import os
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from . import (
    audit,
    bench,
    chaos,
    data,
    demo,
    dlq,
    fm,
    forget,
    graph,
    kafka,
    models,
    recommend,
    replay,
    topics,
    train,
    tune,
    worker,
)
from .eval import evaluate
from .finetune import finetune
from .map import map_

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Streaming recommendations for music sessions: Kafka in, Kafka out.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"segue {version('segue')}")
        raise typer.Exit


@app.callback()
def _segue(
    shown: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Say which.")
    ] = False,
) -> None:
    """Streaming recommendations for music sessions: Kafka in, Kafka out."""


app.command("demo")(demo.demo)
app.add_typer(kafka.app, name="kafka")
app.add_typer(topics.app, name="topics")
app.add_typer(data.app, name="data")
app.command("replay")(replay.replay)
app.command("train")(train.train)
app.command("tune")(tune.tune)
app.command("eval")(evaluate)
app.command("map")(map_)
app.add_typer(models.app, name="models")
app.add_typer(graph.app, name="graph")
app.add_typer(fm.app, name="fm")
app.command("recommend")(recommend.recommend)
app.command("worker")(worker.worker)
app.command("audit")(audit.audit)
app.command("forget")(forget.forget)
app.add_typer(dlq.app, name="dlq")
app.command("finetune")(finetune)
app.add_typer(chaos.app, name="chaos")
app.command("bench", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(
    bench.bench
)


def exit_code(err: Exception) -> int | None:
    """Return what an error means to the caller, None where it is a defect of ours."""
    # By name: importing the classes would import all that their modules need, on every error.
    names = {cls.__name__ for cls in type(err).__mro__}
    if "BrokerError" in names:
        return 3
    if "BundleError" in names:
        return 1
    if isinstance(err, (FileExistsError, FileNotFoundError, ValueError)):
        return 2
    if isinstance(err, (NotADirectoryError, IsADirectoryError)):
        return 2
    if isinstance(err, OSError) and err.errno in (errno.EACCES, errno.ENOSPC, errno.EROFS):
        return 3
    return None


def main() -> None:
    """Run the command line; an expected error is one line on stderr (SEGUE_DEBUG=1: all of it)."""
    try:
        app()
    except Exception as err:
        code = exit_code(err)
        if code is None or os.environ.get("SEGUE_DEBUG"):
            raise
        typer.echo(f"segue: {err}", err=True)
        sys.exit(code)


if __name__ == "__main__":
    main()
