"""`segue recommend`: what to hear next, for a person and not for a stream."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .eval import AsJson
from .liked import recommend_liked


def recommend(
    like: Annotated[
        list[str], typer.Option(help="A title, an artist or a track id; many times for several.")
    ],
    model: Annotated[
        Path | None, typer.Option(help="A folder by `segue fm train --new-people`.")
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="NAME:PATH to train one on now, if there is no --model.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="How many.")] = 10,
    seed: Annotated[int, typer.Option(help="Of training.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Recommend to somebody new who names a few tracks (docs/factorisation.md)."""
    recommend_liked(like, model, data, top, seed=seed, as_json=as_json)
