"""`segue map`: track embeddings as a page and pictures to look at."""

from __future__ import annotations

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
        list[Path] | None,
        typer.Option(
            exists=True, help="Others of the same tracks, shown before them; may be given again."
        ),
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

    from .map_shown import drawn_or_exit, say, show_drawn, view_names

    files = [*(before or ()), items]
    names = view_names(files[:-1], items)
    embeddings = {name: embeddings_at(file) for name, file in zip(names, files, strict=True)}
    say(f"reading {data}")
    music = open_music(data)
    wanted = Wanted(most=most, artists=tuple(artist or ()), playlist=playlist, seed=seed)
    drawn = drawn_or_exit(lambda: draw(embeddings, music, out, wanted=wanted, say=say))
    show_drawn(drawn, music, as_json)
