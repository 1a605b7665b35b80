"""`segue fm`: factorisation machines of users, items and contexts; their tables, and one alone."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .eval import AsJson

if TYPE_CHECKING:
    from models.factorisation.fm import FactorizationMachine
    from models.factorisation.training import Progress

app = typer.Typer(
    no_args_is_help=True,
    help="Factorisation machines, with embeddings from a table or a graph (docs/factorisation.md).",
)

Rows = Annotated[str, typer.Option(help="NAME:PATH, as `segue data show` takes it.")]


class EmbeddingOption(StrEnum):
    """Where embeddings come from."""

    TABLE = "table"
    GCN = "gcn"
    ATTENTION = "attention"


class LossOption(StrEnum):
    """What is learned from."""

    BPR = "bpr"
    BCE = "bce"


@app.command()
def bench(
    data: Annotated[str, typer.Option(help="ml-100k:DIR or mssd-mini:PATH.")],
    seeds: Annotated[str, typer.Option(help="Of training, with commas between.")] = "0,1,2",
    entries: Annotated[str, typer.Option(help="Some of them, with commas between.")] = "",
    quick: Annotated[bool, typer.Option("--quick", help="One seed, two epochs: a trial.")] = False,
    validation: Annotated[
        bool, typer.Option("--validation", help="Ask for the items before the last ones instead.")
    ] = False,
    minutes: Annotated[float, typer.Option(min=0, help="Begin no training after so long.")] = 600.0,
    work: Annotated[Path, typer.Option(help="Where answers are kept.")] = Path(".segue/fm"),
    as_json: AsJson = False,
) -> None:
    """Fill the paper's tables; the same command goes on after an interruption (exit code 1)."""
    from benchmarks.factorisation.run import Options, run

    try:
        chosen = tuple(int(seed) for seed in seeds.split(","))
    except ValueError as err:
        raise ValueError(f"seeds are {seeds!r}, expected numbers with commas, as 0,1,2") from err
    options = Options(
        data=data,
        seeds=chosen,
        entries=tuple(filter(None, entries.split(","))),
        quick=quick,
        validation=validation,
        minutes=minutes,
        work=work,
        json=as_json,
    )
    raise typer.Exit(run(options, ["segue", *sys.argv[1:]]))


@app.command()
def train(
    data: Rows,
    out: Annotated[Path, typer.Option(help="A folder for the machine.")],
    embedding: Annotated[
        EmbeddingOption, typer.Option(help="A table, a graph convolution, or graph attention.")
    ] = EmbeddingOption.TABLE,
    context: Annotated[
        list[str] | None,
        typer.Option(help="previous, previous-2, previous-3, skip, repeated, hour; many times."),
    ] = None,
    new_people: Annotated[
        bool,
        typer.Option(
            "--new-people", help="The previous item alone, no user: for `segue recommend --like`."
        ),
    ] = False,
    loss: Annotated[LossOption, typer.Option(help="Pairwise or pointwise.")] = LossOption.BPR,
    width: Annotated[int, typer.Option(min=1, help="Of embeddings.")] = 64,
    dropout: Annotated[float, typer.Option(min=0, help="Of embeddings, in training.")] = 0.3,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the rows.")] = 20,
    rate: Annotated[float, typer.Option(help="Adam's learning rate.")] = 1e-2,
    negatives: Annotated[int, typer.Option(min=1, help="Other items beside each.")] = 10,
    members: Annotated[
        int, typer.Option(min=1, help="Machines that differ in the seed, their scores added up.")
    ] = 1,
    seed: Annotated[int, typer.Option(help="Of everything drawn.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Train one on all but each user's last item, rank those, and write it."""
    from benchmarks.machine import provenance
    from models.data.sources import open_source
    from models.factorisation.recipe import FmRecipe
    from models.factorisation.training import FmSchedule

    if new_people and context:
        raise ValueError("--new-people has the previous item as its only context: leave --context")
    recipe = FmRecipe(
        fields=("previous",) if new_people else ("user", *(context or ())),
        machine={"embedding": embedding.value, "width": width, "dropout": dropout},
        schedule=FmSchedule(loss=loss.value, epochs=epochs, rate=rate, negatives=negatives),
        members=members,
    )
    source = open_source(data)
    typer.echo(f"reading {source.spec}", err=True)
    machine = recipe.made(recipe.read(source), seed, told(epochs * members))
    machine.about.update(provenance(["segue", *sys.argv[1:]]))
    machine.write(out)
    if as_json:
        typer.echo(json.dumps({"out": str(out), **machine.about}))
        return
    for name, value in machine.about["figures"].items():
        typer.echo(f"{name:<22} {value:.4f}")


def told(epochs: int) -> Progress:
    """Say in a line on stderr how each epoch went."""

    def line(epoch: int, loss: float, model: FactorizationMachine) -> None:
        typer.echo(f"training: epoch {epoch} of {epochs}, loss {loss:.4f}", err=True)

    return line
