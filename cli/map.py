"""`segue map`: track embeddings as a page and pictures to look at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from .eval import AsJson


def map_(
    items: Annotated[
        Path,
        typer.Option(exists=True, help="Track embeddings: a file, or the folder of a bundle."),
    ],
    data: Annotated[
        str,
        typer.Option(help="mpd:PATH, with names; or any other data, as for segue graph."),
    ],
    out: Annotated[Path, typer.Option(help="The folder for map.html and the pictures.")],
    before: Annotated[
        Path | None,
        typer.Option(exists=True, help="Embeddings of the same tracks, to be shown beside them."),
    ] = None,
    artist: Annotated[
        list[str] | None, typer.Option(help="An artist to pick out; may be given again.")
    ] = None,
    playlist: Annotated[
        str | None, typer.Option(help="Id of a playlist or session: draw it and what is near it.")
    ] = None,
    most: Annotated[int, typer.Option(min=2, help="Tracks at most, the most popular ones.")] = 4000,
    seed: Annotated[int, typer.Option(help="Of UMAP.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Draw the embeddings in 2-D and 3-D: one page that needs no network, and PNG."""
    from models.items.track_embeddings import embeddings_at
    from models.map.draw import Wanted, draw
    from models.map.music import open_music

    def say(line: str) -> None:
        typer.echo(line, err=True)

    embeddings = embeddings_at(items)
    earlier = None if before is None else embeddings_at(before)
    say(f"reading {data}")
    music = open_music(data)
    wanted = Wanted(most=most, artists=tuple(artist or ()), playlist=playlist, seed=seed)
    try:
        drawn = draw(embeddings, music, out, before=earlier, wanted=wanted, say=say)
    except ModuleNotFoundError as err:  # what only maps need is not in every environment
        typer.echo(f"segue: {err}; install umap-learn and matplotlib", err=True)
        raise typer.Exit(3) from err
    if as_json:
        answer = {
            "data": music.name,
            "simulated": music.simulated,
            "files": [str(file) for file in drawn.files],
            "tracks": drawn.tracks,
            "views": drawn.views,
            "chance": drawn.chance,
        }
        typer.echo(json.dumps(answer))
        return
    for name, figures in drawn.views.items():
        shown = (f"{key} {value:.3f}" for key, value in figures.items() if value is not None)
        typer.echo(f"{name}: {', '.join(shown)}")
    shown = (f"{key} {value:.3f}" for key, value in drawn.chance.items() if value is not None)
    typer.echo(f"by chance: {', '.join(shown)}")
    for file in drawn.files:
        typer.echo(str(file))
