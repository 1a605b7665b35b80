"""`segue recommend --like`: what somebody new may like, by the titles that they name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import typer


def recommend_liked(
    like: Sequence[str],
    model: Path | None,
    data: str | None,
    top: int,
    *,
    seed: int = 0,
    as_json: bool = False,
) -> None:
    """Print `top` tracks, by a machine of `segue fm train --new-people` or one trained now."""
    from models.data.names import Index, shown
    from models.data.sources import open_source
    from models.factorisation.cold_start import FIELDS, recommended
    from models.factorisation.files import Machine
    from models.factorisation.recipe import FmRecipe

    from .fm import told

    if (model is None) == (data is None):
        raise ValueError("give either --model DIR or --data NAME:PATH")
    if model is not None:
        machine = Machine.read(model)
        liked = Index(machine.catalog).rows(like)
    else:
        recipe = FmRecipe(fields=FIELDS)
        read = recipe.read(open_source(str(data)))
        liked = Index(read.catalog).rows(like)  # a slip of the pen shows before it is trained
        machine = recipe.made(read, seed, told(recipe.schedule.epochs))
    found = recommended(machine, [row for rows in liked.values() for row in rows], top)
    if as_json:
        row = machine.catalog.row
        named = {text: [row(at, named=True) for at in rows] for text, rows in liked.items()}
        items = [
            {**row(at, named=True), "rank": rank, "score": round(score, 4)}
            for rank, (at, score) in enumerate(found, start=1)
        ]
        typer.echo(json.dumps({"liked": named, "items": items}))
        return
    for rows in liked.values():
        typer.echo(f"liked: {', '.join(shown(machine.catalog.row(at)) for at in rows)}", err=True)
    for rank, (at, _) in enumerate(found, start=1):
        typer.echo(f"{rank:>3}  {shown(machine.catalog.row(at))}")
