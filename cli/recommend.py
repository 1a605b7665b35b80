"""`segue recommend`: what to hear next, for a person and not for a stream."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from .eval import AsJson


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
    from models.cold_start import FIELDS, recommended
    from models.data.names import Index, shown
    from models.data.sources import open_source
    from models.fm_files import Machine
    from models.fm_recipe import FmRecipe

    from .fm import told

    if (model is None) == (data is None):
        raise ValueError("give either --model DIR or --data NAME:PATH")
    if model is not None:
        machine = Machine.read(model)
    else:
        recipe = FmRecipe(fields=FIELDS)
        machine = recipe.made(open_source(str(data)), seed, told(recipe.schedule.epochs))
    index = Index(machine.catalog)
    liked = {text: index.find(text) for text in like}
    found = recommended(machine, [row for rows in liked.values() for row in rows], top)
    if as_json:
        named = {text: [machine.catalog.row(r, named=True) for r in rows]
                 for text, rows in liked.items()}  # fmt: skip
        items = [
            {**machine.catalog.row(row, named=True), "rank": rank, "score": round(score, 4)}
            for rank, (row, score) in enumerate(found, start=1)
        ]
        typer.echo(json.dumps({"liked": named, "items": items}))
        return
    for rows in liked.values():
        typer.echo(f"liked: {', '.join(shown(machine.catalog.row(row)) for row in rows)}", err=True)
    for rank, (row, _) in enumerate(found, start=1):
        typer.echo(f"{rank:>3}  {shown(machine.catalog.row(row))}")
