"""Random against graph embeddings as the start of GRU4Rec and SASRec: `segue bench graph-init`.

A tenth of the tracks is withheld from the training sessions. LightGCN, over all training sessions
as playlists, knows them; the sequence model begins at random or with the graph's embeddings of the
other tracks. Then every next track of the test sessions is asked for, over the whole catalog. A
cold track has a row drawn at random (`random`), or one mapped from the graph's space (`random
placed`, `graph`): the middle one tells the start and the placing apart. Outcomes are kept as soon
as they are there, and the same command goes on after an interruption.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.machine import RESULTS, provenance, write_result
from benchmarks.progress import say
from models.data.sources import Source, open_source
from models.items.track_embeddings import TrackEmbeddings, read_embeddings, write_embeddings
from models.recipe import Prepared, prepare
from models.training.schedule import Schedule

from .cold import Withheld
from .graph import embedded
from .outcomes import Cell, Outcomes
from .table import markdown, rows_of

SOURCES = {"mssd-mini": "mssd-mini/", "30music": "30music/", "simulated": ""}
MODELS = ("gru4rec", "sasrec")
INITS = ("random", "graph")
COLD = 0.1
WIDTH = 64
QUICK_SESSIONS = 200


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill the table; 0 when it is whole, 1 when the time was over before."""
    options = _options(arguments)
    outcomes = Outcomes(options.work / ("quick" if options.quick else "full"))
    deadline = time.monotonic() + 60 * options.minutes
    names, seeds = options.data.split(","), range(1 if options.quick else options.seeds)
    cells = [
        Cell(data, model, init, seed)
        for data in names
        for seed in seeds
        for model in MODELS
        for init in INITS
    ]
    for cell in cells:
        if outcomes.has(cell):
            continue
        if time.monotonic() > deadline:
            say(f"the time is over; {options.work} keeps what is done, the same command goes on")
            return 1
        _fill(cell, outcomes, options.quick)
    result = {
        **provenance(["segue", "bench", "graph-init", *(arguments or sys.argv[3:])]),
        "quick": options.quick,
        "cold_share": COLD,
        "rows": rows_of(outcomes, names, MODELS, seeds),
    }
    out = options.out or (options.work if options.quick else RESULTS) / "graph_init.json"
    write_result(out, result)
    table = markdown(result)
    out.with_suffix(".md").write_text(table, encoding="utf-8")
    print(json.dumps(result) if options.json else table)
    return 0


def _fill(cell: Cell, outcomes: Outcomes, quick: bool) -> None:
    source = _source(cell.data)
    prepared = _prepared(source, cell, quick)
    withheld = Withheld.of(prepared, COLD, cell.seed)
    if quick:
        withheld = withheld.quickly(QUICK_SESSIONS)
    graph = _graph(prepared, cell, outcomes.folder, epochs=3 if quick else 100)
    schedule = Schedule(epochs=2) if quick else Schedule()
    say(f"{cell.name}: training on {len(withheld.train)} sessions")
    outcomes.fill(cell, withheld, graph, schedule, width=WIDTH)


def _prepared(source: Source, cell: Cell, quick: bool) -> Prepared:
    in_order = cell.data == "30music"
    return prepare(
        source,
        seed=cell.seed,
        fractions=(0.88, 0.02, 0.1) if in_order else (0.8, 0.1, 0.1),
        train_fraction=0.1 if quick else 1.0,
        in_order=in_order,
        duplicates=in_order,
    )


def _graph(prepared: Prepared, cell: Cell, folder: Path, epochs: int) -> TrackEmbeddings:
    """Train the graph once for both models and starts."""
    file = folder / f"{cell.data}_{cell.seed}.safetensors"
    if not file.exists():
        say(f"{cell.data}, seed {cell.seed}: LightGCN, {epochs} epochs")
        write_embeddings(file, embedded(prepared, width=WIDTH, epochs=epochs, seed=cell.seed))
    return read_embeddings(file)


def _source(name: str) -> Source:
    if name not in SOURCES:
        raise ValueError(f"--data {name!r}, expected some of {', '.join(SOURCES)}")
    if name == "simulated":
        return open_source("simulated:sessions=300,tracks=100,seed=1")
    folder = Path(os.environ.get("SEGUE_DATA", "../shared/data"))
    return open_source(f"{name}:{folder / SOURCES[name]}")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="segue bench graph-init", description=__doc__)
    parser.add_argument("--data", default="mssd-mini,30music", help="; also simulated")
    parser.add_argument("--seeds", type=int, default=3, help="how many")
    parser.add_argument("--minutes", type=float, default=600.0, help="no cell begins after them")
    parser.add_argument("--quick", action="store_true", help="one seed, few sessions and epochs")
    parser.add_argument("--work", type=Path, default=Path(".segue/graph_init"))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(arguments)
