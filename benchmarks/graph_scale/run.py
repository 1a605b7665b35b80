"""Memory and time of a graph of playlists by its size: `segue bench graph-scale`.

Each size is measured in a process of its own, so that its peak of memory is its own: reading (from
slices written for it, up to a size), building, the 30-core, the split, the matrix, a step of
LightGCN (3 layers, width 64) over drawn neighbours and over the whole graph, by few and by many
pairs, and the embedding of every node. The data are simulated, with the Million Playlist Dataset's
proportions.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from benchmarks.machine import RESULTS, provenance, write_result, write_text
from benchmarks.progress import say
from models.data import mpd
from models.data.playlists import numbered
from models.graphs.adjacency import Adjacency
from models.graphs.edge_split import split_edges
from models.graphs.graph import Graph
from models.graphs.lightgcn import LightGCN, LightGCNConfig
from models.graphs.recipe import embed
from models.graphs.schedule import GraphSchedule
from models.graphs.training import GraphTraining

from .simulated import pairs, write_slices
from .table import markdown

WIDTH, LAYERS, K = 64, 3, 30
STEPS = {
    "15, 10, 5 neighbours": ((15, 10, 5), 2048),
    "5, 3, 2 neighbours": ((5, 3, 2), 2048),
    "the whole graph": ((), 2048),
    "the whole graph, many pairs": ((), 1 << 18),
}
"""Ways to take a step: neighbours that are drawn at each layer, and pairs."""
READ = 2.0  # millions of entries that are still written as slices and read
T = TypeVar("T")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure each size in a process of its own, print and keep the table."""
    options = _options(arguments)
    if options.one is not None:
        print(json.dumps(measured(options.one, options.steps)))
        return 0
    rows = []
    for size in (float(part) for part in options.millions.split(",")):
        say(f"{size:g} million edges")
        own = [sys.executable, "-m", f"{__package__}.run"]
        ran = subprocess.run(
            [*own, "--one", str(size), "--steps", str(options.steps)],
            stdout=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
        if ran.returncode:
            say(f"the process for {size:g} million edges ended with {ran.returncode}")
            return 1
        rows.append(json.loads(ran.stdout))
    result = {
        **provenance(),
        "data": {"name": "simulated playlists", "simulated": True},
        "threads": 1, "layers": LAYERS, "width": WIDTH, "k": K,
        "steps": {name: {"fanouts": f, "batch": batch} for name, (f, batch) in STEPS.items()},
        "rows": rows,
    }  # fmt: skip
    write_result(options.out, result)
    write_text(options.out.with_suffix(".md"), markdown(result))
    print(json.dumps(result) if options.json else markdown(result))
    return 0


def measured(millions: float, steps: int) -> dict[str, Any]:
    """Measure one size in this process: seconds of each part, and the peak of memory after it."""
    torch.set_num_threads(1)
    stages: dict[str, dict[str, float]] = {}

    def stage(name: str, work: Callable[[], T]) -> T:
        began = time.perf_counter()
        found = work()
        seconds = time.perf_counter() - began
        stages[name] = {"seconds": round(seconds, 3), "peak_gib": round(_peak(), 3)}
        say(f"  {name}: {seconds:.1f} s, {_peak():.2f} GiB at most so far")
        return found

    owners, tracks, n_playlists, n_tracks = pairs(int(millions * 1e6), np.random.default_rng(0))
    told: dict[str, Any] = {"entries": len(owners)}
    if millions <= READ:
        with tempfile.TemporaryDirectory() as folder:
            told["bytes"] = write_slices(Path(folder), owners, tracks, n_playlists)
            stage("read", lambda: mpd.read(Path(folder)))
    names = map(str, range(n_playlists)), map(str, range(n_tracks))
    playlists = stage("build", lambda: numbered(*names, owners, tracks))
    told["before"] = _sizes(playlists.graph)
    graph = stage("core", lambda: playlists.core(K)).graph
    told["after"] = _sizes(graph)
    train = stage("split", lambda: split_edges(graph, 0)).train
    stage("matrix", lambda: Adjacency.of(train))
    for name, (fanouts, batch) in STEPS.items():
        taken = _steps(train, fanouts, batch)
        stage(f"{name}, the first", lambda taken=taken: next(taken))  # type: ignore[misc]
        seconds = []
        for _ in range(steps if fanouts else max(1, steps // 5)):
            began = time.perf_counter()
            next(taken)
            seconds.append(time.perf_counter() - began)
        stages[name] = {
            "seconds": round(statistics.median(seconds), 4), "peak_gib": round(_peak(), 3)
        }  # fmt: skip
        say(f"  {name}: {stages[name]['seconds']:.3f} s")
        del taken
    model = _model(train)
    stage("embed", lambda: embed(model, train))
    return {"millions": millions, **told, "stages": stages}


def _steps(train: Graph, fanouts: tuple[int, ...], batch: int) -> Iterator[object]:
    schedule = GraphSchedule(batch=batch, fanouts=fanouts)
    training = GraphTraining(_model(train), train, schedule, seed=0)
    epoch = 0
    while True:
        epoch += 1
        yield from training.steps(epoch)


def _model(train: Graph) -> LightGCN:
    return LightGCN(
        LightGCNConfig(
            playlists=train.n_playlists, tracks=train.n_tracks, width=WIDTH, layers=LAYERS
        )
    )


def _sizes(graph: Graph) -> dict[str, int]:
    return {"playlists": graph.n_playlists, "tracks": graph.n_tracks, "edges": graph.n_edges}


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # KiB -> GiB


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="segue bench graph-scale", description=__doc__)
    parser.add_argument("--millions", default="1,4,16,66", help="edges before the core")
    parser.add_argument(
        "--steps", type=int, default=20, help="over drawn neighbours; a fifth whole"
    )
    parser.add_argument("--one", type=float, help="measure this size here and print it as JSON")
    parser.add_argument("--out", type=Path, default=RESULTS / "graph_scale.json")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
