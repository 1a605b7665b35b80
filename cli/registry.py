"""The verbs of `segue models` that concern the registry: list, show NAME, promote, rollback.

Registered by models.py; what they do is done by models/registry.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from models.registry import Listing, Registry
    from streams.bundle import Bundle
    from streams.events import ModelAnnouncement
    from streams.settings import Settings

VERDICTS_SHOWN = 10
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to stdout.")]
Root = Annotated[Path | None, typer.Option("--models", help="Folder of the bundles.")]
Bootstrap = Annotated[str | None, typer.Option(help="HOST:PORT of a broker.")]
Prefix = Annotated[str | None, typer.Option(help="Put in front of every topic name.")]
Name = Annotated[str, typer.Argument(help="The models' name.")]


def list_(
    models: Root = None,
    bootstrap: Bootstrap = None,
    prefix: Prefix = None,
    as_json: AsJson = False,
) -> None:
    """List every version in the registry; with --bootstrap also which one is the champion."""
    import msgspec

    registry, champions = look(models, bootstrap, prefix)
    rows = [row for name in registry.names() for row in _rows(registry.versions(name), champions)]
    here = {(row["name"], row["version"]) for row in rows}
    rows += [
        {"name": name, "version": told.version, "stage": told.stage, "path": told.uri,
         "error": "announced, and not in this registry"}
        for name, told in champions.items()
        if (name, told.version) not in here
    ]  # fmt: skip
    if as_json:
        typer.echo(msgspec.json.encode(rows))
        return
    if not rows:
        typer.echo(f"no models under {registry.root}; `segue train` makes one")
    _print_rows(rows)


def promote(
    name: Name,
    version: Annotated[str, typer.Argument(help="The version to serve.")],
    models: Root = None,
    bootstrap: Bootstrap = None,
    prefix: Prefix = None,
    as_json: AsJson = False,
) -> None:
    """Verify a version as a worker would, then tell every worker to serve it."""
    from models.registry import promote as promote_version

    told = promote_version(name=name, version=version, **means_of(models, bootstrap, prefix))
    _print_told([told], as_json)


def rollback(
    name: Name,
    to: Annotated[str | None, typer.Option(help="Which version to go back to [parent].")] = None,
    models: Root = None,
    bootstrap: Bootstrap = None,
    prefix: Prefix = None,
    as_json: AsJson = False,
) -> None:
    """Withdraw the champion, and tell every worker to serve its parent again."""
    from models.registry import rollback as roll_back

    _print_told(roll_back(name=name, to=to, **means_of(models, bootstrap, prefix)), as_json)


def _settings(models: Path | None, bootstrap: str | None, prefix: str | None) -> Settings:
    from streams.settings import load_settings

    return load_settings(
        kafka={"bootstrap": bootstrap}, topics={"prefix": prefix}, models={"root": models}
    )


def look(
    models: Path | None, bootstrap: str | None, prefix: str | None
) -> tuple[Registry, Mapping[str, ModelAnnouncement]]:
    """Open the registry, and read the last announcements where a broker was named."""
    from infra.topics import Topics
    from models.registry import Registry
    from streams.announcements import latest

    settings = _settings(models, bootstrap, prefix)
    topic = Topics.named(settings.topics.prefix).models
    champions = latest(settings.kafka.connection, topic) if bootstrap is not None else {}
    return Registry(settings.models.root), champions


def means_of(models: Path | None, bootstrap: str | None, prefix: str | None) -> dict[str, Any]:
    """Say where the registry and the topic are, and how a bundle is verified."""
    from infra.topics import Topics
    from models.registry import Registry
    from streams.scoring import load_scorer

    settings = _settings(models, bootstrap, prefix)

    def verify_as_worker(path: Path) -> Bundle:
        return load_scorer(path, settings.scoring).bundle

    return {
        "registry": Registry(settings.models.root),
        "bootstrap": settings.kafka.connection,
        "topic": Topics.named(settings.topics.prefix).models,
        "verify": verify_as_worker,
        "now": datetime.now(UTC),
    }


def show_name(
    name: str, registry: Registry, champions: Mapping[str, ModelAnnouncement], as_json: bool
) -> None:
    """Show the versions of a name and the newest verdicts on them."""
    import msgspec

    rows, verdicts = _rows(registry.versions(name), champions), registry.verdicts(name)
    if as_json:
        typer.echo(msgspec.json.encode({"name": name, "versions": rows, "verdicts": verdicts}))
        return
    _print_rows(rows)
    typer.echo("verdicts, the newest last:" if verdicts else "no verdicts yet")
    for verdict in verdicts[-VERDICTS_SHOWN:]:
        told = {key: value for key, value in verdict.items() if key not in ("at", "event")}
        typer.echo(f"  {verdict.get('at')} {verdict.get('event')} {_short(told)}")


def _rows(
    listings: Iterable[Listing], champions: Mapping[str, ModelAnnouncement]
) -> list[dict[str, Any]]:
    rows = []
    for entry in listings:
        told, manifest = champions.get(entry.name), entry.manifest
        row: dict[str, Any] = {
            "name": entry.name,
            "version": entry.version,
            "stage": told.stage if told is not None and told.version == entry.version else None,
            "parent": manifest.parent if manifest else None,
            "architecture": manifest.architecture if manifest else None,
            "tracks": manifest.catalog_size if manifest else None,
            "created_at": manifest.created_at if manifest else None,
            "learner": entry.learner,
            "metrics": manifest.metrics if manifest else {},
            "path": str(entry.path),
            "error": entry.error,
        }
        rows.append(row)
    return rows


def _print_rows(rows: Iterable[Mapping[str, Any]]) -> None:
    for row in rows:
        made = (
            f"{row.get('architecture')}, {row.get('tracks')} tracks, made {row.get('created_at')}"
        )
        typer.echo(
            f"{row['name']} {row['version']} {row.get('stage') or '':9} {row['error'] or made}"
        )


def _print_told(announcements: Iterable[ModelAnnouncement], as_json: bool) -> None:
    import msgspec

    told = list(announcements)
    if as_json:
        typer.echo(msgspec.json.encode(told))
        return
    for entry in told:
        typer.echo(f"announced {entry.name} {entry.version} as {entry.stage}")


def _short(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in values.items() if value is not None)
