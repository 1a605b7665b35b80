"""How fast an epoch of LightGCN is on a CPU: ours against plain PyTorch, in one run, one thread.

Both take the published recipe's steps (3 layers, width 64, batches of 2,048, one negative, L2) on
the same graph, a fixed number in turns, so that what else the machine does falls on both; warm-up
steps do not count. An epoch is as many steps as it takes for the graph's edges. Wall seconds and
the process's own CPU seconds are both given, since a neighbour takes from the first alone.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from benchmarks.machine import RESULTS, provenance, write_result
from benchmarks.progress import say
from models.data.playlist_sources import open_playlists
from models.graphs.graph import Graph
from models.graphs.lightgcn import LightGCN, LightGCNConfig
from models.graphs.schedule import GraphSchedule
from models.graphs.training import GraphTraining

from .plain import PlainLightGCN, drawn_one_by_one

BAR = 2.5
WIDTH, LAYERS = 64, 3
SCHEDULE = GraphSchedule()
WARM_UP = 2  # steps


class Turn(NamedTuple):
    """Seconds of a step, the mean of a turn."""

    wall: float
    cpu: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Let both take turns; 0 if an epoch of ours is 2.5 times as fast or more."""
    options = _options(arguments)
    torch.set_num_threads(1)
    source = open_playlists(options.data)
    graph = source.load()[0].graph
    contenders = {"ours": ours(graph), "plain": plainly(graph)}
    for contender in contenders.values():
        for _ in range(WARM_UP):
            next(contender)
    turns: dict[str, list[Turn]] = {side: [] for side in contenders}
    for number in range(options.rounds):
        # Who goes first alternates too.
        for side in list(contenders)[:: 1 if number % 2 == 0 else -1]:
            turns[side].append(_turn(contenders[side], options.steps))
            say(
                f"turn {number + 1} of {options.rounds}, {side}: "
                f"{turns[side][-1].wall:.3f} s a step"
            )
    steps = math.ceil(graph.n_edges / SCHEDULE.batch)
    result = {
        **provenance(),
        "data": source.name,
        "playlists": graph.n_playlists,
        "tracks": graph.n_tracks,
        "edges": graph.n_edges,
        "threads": 1,
        "layers": LAYERS,
        "width": WIDTH,
        "batch": SCHEDULE.batch,
        "steps_an_epoch": steps,
        "rounds": options.rounds,
        "steps_a_round": options.steps,
        **{side: _spread(found, steps) for side, found in turns.items()},
    }
    for clock in Turn._fields:
        ratios = [
            getattr(plain, clock) / getattr(own, clock)
            for own, plain in zip(turns["ours"], turns["plain"], strict=True)
        ]
        result |= {f"ratio_{clock}": statistics.median(ratios), f"ratio_{clock}_rounds": ratios}
    if options.out is not None:
        write_result(options.out, result)
    print(json.dumps(result) if options.json else _line(result))
    return 0 if result["ratio_wall"] >= BAR else 1


def ours(graph: Graph) -> Iterator[None]:
    """Take steps as `segue graph train` does."""
    torch.manual_seed(0)
    config = LightGCNConfig(
        playlists=graph.n_playlists, tracks=graph.n_tracks, width=WIDTH, layers=LAYERS
    )
    model = LightGCN(config)
    training = GraphTraining(model, graph, SCHEDULE, seed=0)
    epoch = 0
    while True:
        epoch += 1
        for _ in training.steps(epoch):
            yield


def plainly(graph: Graph) -> Iterator[None]:
    """Take steps as a tutorial would."""
    torch.manual_seed(0)
    random.seed(0)
    # As by default, but without a warning.
    torch.sparse.check_sparse_tensor_invariants.disable()  # type: ignore[no-untyped-call]
    model = PlainLightGCN(graph, WIDTH, LAYERS)
    optimiser = torch.optim.Adam(model.parameters(), lr=SCHEDULE.learning_rate)
    rows = [graph.row(playlist).tolist() for playlist in range(graph.n_playlists)]
    sets = [set(row) for row in rows]
    while True:
        drawn = drawn_one_by_one(rows, sets, graph.n_tracks, SCHEDULE.batch)
        loss = model.loss(*drawn, SCHEDULE.decay)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        yield


def _turn(contender: Iterator[None], steps: int) -> Turn:
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(steps):
        next(contender)
    return Turn((time.perf_counter() - wall) / steps, (time.process_time() - cpu) / steps)


def _spread(turns: list[Turn], steps: int) -> dict[str, Any]:
    """Give seconds of a step and of an epoch, by both clocks."""
    found: dict[str, Any] = {}
    for clock in Turn._fields:
        values = [getattr(turn, clock) for turn in turns]
        found[f"{clock}_seconds_a_step"] = {
            "median": statistics.median(values), "low": min(values), "high": max(values)
        }  # fmt: skip
        found[f"{clock}_seconds_an_epoch"] = statistics.median(values) * steps
    return found


def _line(result: dict[str, Any]) -> str:
    sides = (
        f"{side} {result[side]['wall_seconds_an_epoch']:.0f} s an epoch "
        f"({result[side]['cpu_seconds_an_epoch']:.0f} CPU)"
        for side in ("ours", "plain")
    )
    return (
        f"{result['data']}, {result['edges']} edges: {'; '.join(sides)}; "
        f"{result['ratio_wall']:.2f} x by wall, {result['ratio_cpu']:.2f} x by CPU"
    )


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="segue bench graph-speed", description=__doc__)
    parser.add_argument("--data", required=True, metavar="NAME:PATH", help="gowalla:DIR, …")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--steps", type=int, default=5, help="of a contender's turn")
    parser.add_argument("--out", type=Path, default=RESULTS / "graph_speed.json")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(arguments)
