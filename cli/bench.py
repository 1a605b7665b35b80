"""`segue bench NAME`: run the benchmark that makes a published figure."""

from __future__ import annotations

import importlib
from typing import Annotated

import typer


def bench(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A module of benchmarks/: latency, quality, …")],
) -> None:
    """Run benchmarks.NAME; what follows NAME goes to it (`segue bench quality --help`)."""
    try:
        module = importlib.import_module(f"benchmarks.{name}")
    except ModuleNotFoundError as err:
        if err.name != f"benchmarks.{name}":
            raise
        raise typer.BadParameter(f"there is no benchmark {name!r}; see benchmarks/") from err
    raise typer.Exit(module.main(context.args) or 0)
