"""`segue graph`: networks over playlists and their tracks."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from .eval import AsJson
from .graph_asking import Cutoffs, Unmasked, embed, evaluate
from .graph_map import playlists
from .graph_shown import files_shown, numbers, show_epochs, sizes_said, steps_shown

app = typer.Typer(no_args_is_help=True, help="Train and ask graph networks over playlists.")
app.command("eval")(evaluate)
app.command("embed")(embed)
app.command("map")(playlists)

KEPT = Path(".segue/graph")  # of trainings that no folder was given for


@app.command()
def train(
    data: Annotated[
        str,
        typer.Option(help="gowalla:DIR, pairs:FILE, mpd:PATH, or any data with sessions."),
    ],
    model: Annotated[str, typer.Option(help="lightgcn, gat or sage.")] = "lightgcn",
    out: Annotated[
        Path | None, typer.Option(help="A folder for the network; without, it is not kept.")
    ] = None,
    layers: Annotated[int, typer.Option(min=0, help="Layers of messages.")] = 3,
    width: Annotated[int, typer.Option(min=1, help="Of an embedding.")] = 64,
    alpha: Annotated[
        str, typer.Option(help="Weights of the layers: fixed or learnable.")
    ] = "fixed",
    normalise: Annotated[bool, typer.Option(help="Score by cosine.")] = False,
    temperature: Annotated[float, typer.Option(help="That cosines are divided by.")] = 1.0,
    positions: Annotated[
        int, typer.Option(min=0, help="Parts of a playlist with an embedding each; 0: none.")
    ] = 0,
    heads: Annotated[int | None, typer.Option(min=1, help="gat: of attention; 5.")] = None,
    dropout: Annotated[float | None, typer.Option(help="gat: of attention; .5.")] = None,
    mlp: Annotated[
        bool | None, typer.Option(help="gat: a perceptron behind the heads, not a linear layer.")
    ] = None,
    kin: Annotated[
        str | None,
        typer.Option(help="artist, album or artist,album: nodes too, where data names them."),
    ] = None,
    k_core: Annotated[
        int | None, typer.Option("--k-core", min=0, help="K; 30, or 0 for data with a test set.")
    ] = None,
    training_sessions: Annotated[
        bool,
        typer.Option(
            "--training-sessions",
            help="Of data with sessions, those alone that segue train learns from.",
        ),
    ] = False,
    split_seed: Annotated[int, typer.Option(help="Of that split, as segue train has it.")] = 0,
    in_order: Annotated[
        bool, typer.Option("--in-order", help="That split in the data set's order.")
    ] = False,
    duplicates: Annotated[
        bool, typer.Option("--duplicates", help="That split with repeated sessions kept.")
    ] = False,
    epochs: Annotated[int, typer.Option(min=1)] = 100,
    batch: Annotated[int, typer.Option(min=0, help="Pairs of a step; 0: all of an epoch.")] = 2048,
    learning_rate: Annotated[float, typer.Option(help="Of Adam, at the top.")] = 1e-3,
    shape: Annotated[
        str, typer.Option(help="Of the learning rate over the run: constant, cosine or one-cycle.")
    ] = "constant",
    decay: Annotated[float, typer.Option(help="L2 of a batch's own embeddings.")] = 1e-4,
    loss: Annotated[str, typer.Option(help="bpr, bce or softmax.")] = "bpr",
    draw: Annotated[
        str, typer.Option(help="playlists at random, or edges: each of them once an epoch.")
    ] = "playlists",
    negatives: Annotated[str, typer.Option(help="uniform, hard or adaptive.")] = "uniform",
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Negatives may be known edges.")
    ] = False,
    hard_last: Annotated[float, typer.Option(help="Share of tracks that are hard at last.")] = 0.01,
    supervision: Annotated[
        float | None,
        typer.Option(help="Share of training edges kept from messages; .3, or 0 with a test set."),
    ] = None,
    fanouts: Annotated[
        str | None,
        typer.Option(help="Neighbours drawn at each layer, as 15,10,5; without, all are taken."),
    ] = None,
    half_life: Annotated[
        float | None, typer.Option(help="Days in which an edge's weight halves; none: never.")
    ] = None,
    members: Annotated[
        int,
        typer.Option(min=1, help="lightgcn: networks side by side in the width, scores added up."),
    ] = 1,
    at: Cutoffs = "20",
    eval_every: Annotated[int, typer.Option(min=1, help="Epochs between two evaluations.")] = 1,
    unmasked: Unmasked = False,
    seed: Annotated[int, typer.Option(help="Of the split and of training.")] = 0,
    threads: Annotated[int, typer.Option(min=1, help="Of torch on a CPU.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Train on 70 % of the edges, or on the training file; rank hidden edges after each epoch.

    The network of the epoch that ranks validation edges best is kept, by the recall of the first
    --at; of data with a test set, which chooses nothing, the last one.

    A training that was killed goes on when the same command is given again.
    """
    from models.data.playlist_sources import open_playlists, training_playlists
    from models.graphs.folder import TrainedGraph, check_place, save_graph
    from models.graphs.networks import make_graph_config
    from models.graphs.recipe import graph_identity, prepare_graph, ranking_judge, train_graph
    from models.graphs.schedule import GraphSchedule
    from models.graphs.training import best_row
    from models.training.state import digest

    asked = numbers(at, "--at")
    if out is not None:
        check_place(out)
    source = open_playlists(data)
    typer.echo(f"reading {source.spec}", err=True)
    if training_sessions:
        read, record = training_playlists(
            data, seed=split_seed, in_order=in_order, duplicates=duplicates
        )
        test = None
    else:
        (read, test), record = source.load(files_shown()), None
    prepared = prepare_graph(read, test, k=k_core, kin=kin.split(",") if kin else (), seed=seed)
    typer.echo(sizes_said(prepared.sizes, prepared.k, read.duplicates), err=True)
    if supervision is None:
        supervision = 0.0 if test is not None else 0.3
    schedule = GraphSchedule(
        epochs=epochs,
        batch=batch,
        learning_rate=learning_rate,
        shape=shape,  # type: ignore[arg-type]
        decay=decay,
        loss=loss,  # type: ignore[arg-type]
        draw=draw,  # type: ignore[arg-type]
        negatives=negatives,  # type: ignore[arg-type]
        checked=not unchecked,
        hard_last=hard_last,
        supervision=supervision,
        fanouts=() if fanouts is None else numbers(fanouts, "--fanouts"),
        half_life=half_life,
        members=members,
        threads=threads,
    )
    own = {"heads": heads, "dropout": dropout, "mlp": mlp}
    graph = prepared.split.train
    config = make_graph_config(
        model,
        {
            "playlists": graph.n_playlists,
            "tracks": graph.n_tracks,
            "kin": prepared.sizes["after"].get("kin", 0),
            "width": width,
            "layers": layers,
            "alpha": alpha,
            "normalise": normalise,
            "temperature": temperature,
            "positions": positions,
            **{name: value for name, value in own.items() if value is not None},
        },
    )
    told = {"at": asked, "every": eval_every, "masked": not unmasked}
    choose = f"recall@{asked[0]}" if prepared.part == "valid" else None
    identity = graph_identity(prepared, model, config, schedule, seed, told)
    kept = KEPT / digest([json.dumps(identity)])
    if out is not None:
        kept = out.with_name(f"{out.name}.training")
    judge = ranking_judge(prepared, schedule, asked, every=eval_every, masked=not unmasked)
    with steps_shown() as progress:
        try:
            trained, rows = train_graph(
                prepared, model, config, schedule, judge,
                seed=seed, choose=choose, asked=told, checkpoint=kept, progress=progress,
            )  # fmt: skip
        except FloatingPointError as err:  # an answer and no defect: it cannot be trained like this
            typer.echo(f"segue: {err}", err=True)
            raise typer.Exit(1) from err
    best = None if choose is None else best_row(rows, choose)
    result: dict[str, Any] = {
        "data": source.name,
        "simulated": source.simulated,
        "model": model,
        **({} if record is None else {"split": record}),
        "part": prepared.part,
        "masked": not unmasked,
        "k_core": prepared.k,
        "duplicates": read.duplicates,
        "sizes": prepared.sizes,
        "seed": seed,
        "config": asdict(config),
        "schedule": asdict(schedule),
        "epochs": rows,
        "kept_epoch": rows[-1]["epoch"] if best is None else best["epoch"],
    }
    if out is not None:
        training = {key: result[key] for key in result if key not in ("config", "schedule")}
        save_graph(
            out,
            TrainedGraph(trained.cpu(), prepared.playlists, prepared.split, schedule, training),
        )
    shutil.rmtree(kept, ignore_errors=True)
    if as_json:
        typer.echo(json.dumps(result))
        return
    label = " (simulated)" if source.simulated else ""
    show_epochs(f"{source.name}{label}, {prepared.part} edges, full ranking", rows)
    if out is not None:
        typer.echo(f"{out}: {model} of epoch {result['kept_epoch']}")
