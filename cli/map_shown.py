"""How a map that was drawn is told, and the names of its views."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import typer

from models.map.drawn import Drawn
from models.map.music import Music


def say(line: str) -> None:
    """Tell on stderr what is being done."""
    typer.echo(line, err=True)


def drawn_or_exit(draw: Callable[[], Drawn]) -> Drawn:
    """Draw; exit code 3 where what only maps need is not installed."""
    try:
        return draw()
    except ModuleNotFoundError as err:
        typer.echo(f"segue: {err}; install umap-learn and matplotlib", err=True)
        raise typer.Exit(3) from err


def view_names(before: Sequence[Path], last: Path) -> list[str]:
    """Name the views: before and after where there are two, else by their places."""
    if len(before) < 2:
        return ["before", "after"] if before else ["embedded"]
    names = [path.stem if path.is_file() else path.name for path in (*before, last)]
    return names if len(set(names)) == len(names) else [str(path) for path in (*before, last)]


def show_drawn(drawn: Drawn, music: Music, as_json: bool) -> None:
    """Print the numbers of each view, those of chance, and the files."""
    if as_json:
        answer = {
            "data": music.name,
            "simulated": music.simulated,
            "files": [str(file) for file in drawn.files],
            f"{drawn.kind}s": drawn.points,
            "views": drawn.views,
            "chance": drawn.chance,
        }
        typer.echo(json.dumps(answer))
        return
    for name, figures in {**drawn.views, "by chance": drawn.chance}.items():
        shown = (f"{key} {value:.3f}" for key, value in figures.items() if value is not None)
        typer.echo(f"{name}: {', '.join(shown)}")
    for file in drawn.files:
        typer.echo(str(file))
