"""`segue models`: look at bundles and verify them; the verbs of the registry are in registry.py."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .archive import backup, restore
from .registry import AsJson, Bootstrap, Prefix, Root, list_, look, promote, rollback, show_name

app = typer.Typer(no_args_is_help=True, help="Bundles: look, verify, promote, roll back, back up.")

Directory = Annotated[Path, typer.Argument(help="The bundle: the folder that holds manifest.json.")]


class Placement(StrEnum):
    """Where a track stands that training never had."""

    NEIGHBOURS = "neighbours"
    MAP = "map"


app.command("list")(list_)
app.command()(promote)
app.command()(rollback)
app.command()(backup)
app.command()(restore)


@app.command()
def verify(directory: Directory, as_json: AsJson = False) -> None:
    """Do what a worker does before it serves a bundle: hashes, graphs, golden answers, warm-up."""
    import msgspec

    from streams.bundle import BundleError
    from streams.scoring import load_scorer
    from streams.settings import load_settings

    try:
        scorer = load_scorer(directory, load_settings().scoring)
    except BundleError as err:
        if as_json:
            typer.echo(msgspec.json.encode({"ok": False, "reason": str(err)}))
        else:
            typer.echo(f"segue: {err}", err=True)
        raise typer.Exit(1) from err
    manifest = scorer.bundle.manifest
    if as_json:
        answer = {
            "ok": True,
            "name": scorer.name,
            "version": scorer.version,
            "sha256": scorer.bundle.sha256,
            "provider": scorer.provider,
            "tracks": manifest.catalog_size,
        }
        typer.echo(msgspec.json.encode(answer))
        return
    typer.echo(
        f"ok: {scorer.name} {scorer.version}, {manifest.catalog_size} tracks, "
        f"{len(manifest.files)} files, {len(manifest.golden)} golden answers on {scorer.provider}"
    )


@app.command()
def extend(
    directory: Directory,
    items: Annotated[
        Path,
        typer.Option(
            exists=True, dir_okay=False, help="Track embeddings, as `segue graph embed` writes."
        ),
    ],
    out: Annotated[Path, typer.Option(help="A new folder for the extended bundle.")],
    by: Annotated[
        Placement,
        typer.Option(help="The mean of its nearest known tracks, or a map fitted on those."),
    ] = Placement.MAP,
    as_json: AsJson = False,
) -> None:
    """Add the tracks of --items that training never had; the encoder stays as it is."""
    import json

    from models.items.extension import extend as extended
    from models.items.track_embeddings import read_embeddings

    typer.echo("placing the new tracks, and writing the bundle", err=True)
    found = extended(directory, read_embeddings(items), out, by=by.value)
    if found.warning:
        typer.echo(f"segue: {found.warning}", err=True)
    manifest = found.manifest
    if as_json:
        answer = {
            "bundle": str(out),
            "learner": None if found.learner is None else str(found.learner),
            "version": manifest.version,
            "tracks": manifest.catalog_size,
            "added": found.added,
            "known": found.known,
            "by": by.value,
        }
        typer.echo(json.dumps(answer))
        return
    typer.echo(
        f"{out}: {manifest.name} {manifest.version}, {found.added} tracks added to "
        f"{manifest.catalog_size - found.added}, placed by {found.known} that both know"
    )


@app.command()
def show(
    target: Annotated[str, typer.Argument(help="A name of the registry, or a bundle's folder.")],
    models: Root = None,
    bootstrap: Bootstrap = None,
    prefix: Prefix = None,
    as_json: AsJson = False,
) -> None:
    """Show the versions and verdicts of a name, or what one bundle says of itself."""
    registry, champions = look(models, bootstrap, prefix)
    if target in registry.names():
        show_name(target, registry, champions, as_json)
    else:
        _show_bundle(Path(target), as_json)


def _show_bundle(directory: Path, as_json: bool) -> None:
    """Check the files of a bundle and show its manifest; its answers are not asked."""
    import msgspec

    from streams.bundle import open_bundle

    bundle = open_bundle(directory)
    manifest, second = bundle.manifest, bundle.second_stage
    if as_json:
        answer = {"sha256": bundle.sha256, **msgspec.to_builtins(manifest)}
        typer.echo(msgspec.json.encode(answer))
        return
    rows = {
        "name": manifest.name,
        "version": manifest.version,
        "parent": manifest.parent or "none",
        "architecture": manifest.architecture,
        "tracks": manifest.catalog_size,
        "length": manifest.length,
        "created": manifest.created_at,
        "second stage": f"of {second.candidates} candidates" if second else "none",
        "parity": "no network" if manifest.parity is None else f"{manifest.parity:.1e}",
        "sha256": bundle.sha256,
        **{f"config.{key}": value for key, value in manifest.config.items()},
        **{f"training.{key}": value for key, value in manifest.training.items()},
        **{f"metrics.{key}": value for key, value in manifest.metrics.items()},
    }
    for key, value in rows.items():
        typer.echo(f"{key:24} {value}")
