"""`segue models backup` and `restore`: a registry in one file, and back from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from .kafka import steps
from .registry import AsJson, Bootstrap, Prefix, Root, look, means_of


def backup(
    to: Annotated[Path, typer.Option("--to", dir_okay=False, help="The file to make: FILE.tar.")],
    models: Root = None,
    bootstrap: Bootstrap = None,
    prefix: Prefix = None,
    as_json: AsJson = False,
) -> None:
    """Write the registry to one file; with --bootstrap also which versions are champions."""
    from models.archive import backup as back_up

    registry, champions = look(models, bootstrap, prefix)
    with steps() as progress:
        kept = back_up(registry, champions, to, progress)
    if as_json:
        answer = {"file": str(to), "versions": kept, "announcements": sorted(champions)}
        typer.echo(json.dumps(answer))
        return
    told = f"{len(champions)} announcements" if bootstrap else "no announcements (no --bootstrap)"
    typer.echo(f"{len(kept)} versions and {told} in {to}, {to.stat().st_size:,} bytes")


def restore(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="What backup made.")],
    models: Root = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
    announce: Annotated[
        bool, typer.Option("--announce", help="Tell workers of the champions again.")
    ] = False,
    bootstrap: Bootstrap = None,
    prefix: Prefix = None,
    as_json: AsJson = False,
) -> None:
    """Verify an archive, then put its bundles in place; nothing is changed when it is refused."""
    from models.archive import restore as put_back
    from models.registry import promote

    means = means_of(models, bootstrap, prefix)
    with steps() as progress:
        found, told = put_back(means["registry"], file, force=force, progress=progress)
    champions = [(entry.name, entry.version) for entry in told if entry.stage == "champion"]
    if announce:
        for name, version in champions:
            promote(name=name, version=version, **means)
    if as_json:
        answer = {"versions": found, "champions": champions, "announced": announce}
        typer.echo(json.dumps(answer))
        return
    typer.echo(f"{len(found)} versions restored to {means['registry'].root}")
    for name, version in champions:
        done = "announced" if announce else f"announce it: segue models promote {name} {version}"
        typer.echo(f"{name} {version} was the champion; {done}")
