"""`segue bench NAME`: run the benchmark that makes a published figure."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Annotated

import typer


def bench(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="One of benchmarks/: latency, quality, gate, …")],
) -> None:
    """Run benchmarks.NAME; what follows NAME goes to it (`segue bench quality --help`)."""
    name = name.replace("-", "_")
    spec = importlib.util.find_spec(f"benchmarks.{name}") if name.isidentifier() else None
    if spec is None:
        raise typer.BadParameter(f"there is no benchmark {name!r}; see benchmarks/")
    # A benchmark of several files begins in the one called run.
    folder = spec.submodule_search_locations is not None
    module = importlib.import_module(f"{spec.name}.run" if folder else spec.name)
    if not hasattr(module, "main"):
        raise typer.BadParameter(f"{name!r} is no benchmark that runs by itself; see benchmarks/")
    raise typer.Exit(module.main(context.args) or 0)
