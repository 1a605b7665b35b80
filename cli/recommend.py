"""`segue recommend`: what to hear next, for a person and not for a stream."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .continued import recommend_continuation
from .eval import AsJson
from .liked import recommend_liked


def recommend(
    like: Annotated[
        list[str] | None,
        typer.Option(help="A title, an artist or a track id; many times for several."),
    ] = None,
    playlist: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="A text file of track ids, spaces or lines between."
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            help="A folder by `segue fm train --new-people`, or `segue graph train` for a playlist."
        ),
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="NAME:PATH to train one on now, if there is no --model.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="How many.")] = 10,
    seed: Annotated[int, typer.Option(help="Of training.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Recommend to somebody new who names a few tracks, or continue a playlist.

    The one is told of in docs/factorisation.md, the other in docs/graphs.md.
    """
    if bool(like) == (playlist is not None):
        raise ValueError("give either --like TEXT or --playlist FILE")
    if playlist is not None:
        if model is None or data is not None:
            raise ValueError("a playlist is continued by --model DIR of segue graph train alone")
        recommend_continuation(model, playlist, top, as_json=as_json)
        return
    recommend_liked(like or [], model, data, top, seed=seed, as_json=as_json)
