"""`segue graph eval` and `segue graph embed`: what a trained network foresees, and its tracks."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .eval import AsJson
from .graph_shown import numbers, show_metrics

Model = Annotated[Path, typer.Option(help="A folder that segue graph train wrote.")]
Cutoffs = Annotated[str, typer.Option("--at", help="Cut-offs of recall and NDCG, as 20,300.")]
Unmasked = Annotated[
    bool, typer.Option("--unmasked", help="Rank known tracks too, as some papers may do.")
]


class PartOption(StrEnum):
    """Edges that were hidden from training."""

    TEST = "test"
    VALID = "valid"


def evaluate(
    model: Model,
    part: Annotated[
        PartOption, typer.Option(help="Which of the hidden edges to ask for.")
    ] = PartOption.TEST,
    at: Cutoffs = "20",
    unmasked: Unmasked = False,
    seed: Annotated[int, typer.Option(help="Of the pairs that edges are told from.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Rank hidden edges of the network's own data, and tell them from pairs that are no edges."""
    from models.graphs.folder import load_graph
    from models.graphs.recipe import judged_graph

    asked, trained = numbers(at, "--at"), load_graph(model)
    metrics = judged_graph(trained, part.value, asked, masked=not unmasked, seed=seed)
    hidden = trained.split.hidden(part.value)
    result = {
        "data": trained.training["data"],
        "simulated": trained.training["simulated"],
        "model": trained.model.architecture,
        "part": part.value,
        "masked": not unmasked,
        "edges": hidden.n_edges,
        "playlists": int((hidden.lengths > 0).sum()),
        "metrics": metrics,
    }
    if as_json:
        typer.echo(json.dumps(result))
        return
    label = " (simulated)" if result["simulated"] else ""
    title = f"{result['data']}{label}, {result['model']}, {part.value} edges, full ranking"
    show_metrics(title, metrics)


def embed(
    model: Model,
    out: Annotated[Path, typer.Option(help="A safetensors file; an older one is replaced.")],
    as_json: AsJson = False,
) -> None:
    """Write the embeddings of a network's tracks, for segue train --items and segue map."""
    from models.graphs.folder import load_graph
    from models.graphs.items import graph_items
    from models.items.track_embeddings import write_embeddings

    found = graph_items(load_graph(model))
    write_embeddings(out, found)
    told = {"out": str(out), "tracks": len(found), "width": found.width, "about": found.about}
    typer.echo(json.dumps(told) if as_json else f"{out}: {len(found)} tracks, width {found.width}")
