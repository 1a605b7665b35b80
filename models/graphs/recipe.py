"""From playlists that were read to a trained graph network: core, split, training."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ..data.playlists import Playlists
from ..reproducible import reproducible
from ..training.state import TrainingState, digest
from ..training.train import best_device
from .adjacency import Adjacency
from .edge_split import EdgeSplit, Part, given_split, split_edges
from .encoder import GraphConfig, GraphEncoder
from .evaluation import check_askable, rank, tell_apart
from .folder import TrainedGraph
from .graph import Graph, union
from .heap import keep_large_arrays
from .kin import kin_of
from .networks import make_graph_encoder
from .schedule import GraphSchedule
from .training import GraphStep, GraphTraining, Judge, Rows

K = 30
"""Papers 1 and 2 train on the 30-core."""


@dataclass(frozen=True, eq=False)
class PreparedGraph:
    """A graph to learn from, and what became of the data on the way."""

    playlists: Playlists  # the core's; its graph has all edges, or the training ones if dealt out
    split: EdgeSplit
    k: int
    sizes: dict[str, dict[str, int]]  # playlists, tracks and edges, before and after the core

    @property
    def part(self) -> Part:
        """What is asked for while training: validation edges, test edges if there are no others."""
        return "valid" if self.split.valid.n_edges else "test"


def prepare_graph(
    read: Playlists,
    test: Playlists | None = None,
    *,
    k: int | None = None,
    kin: Sequence[str] = (),
    seed: int = 0,
) -> PreparedGraph:
    """Take the K-core and deal its edges out, .70/.15/.15; a `test` set that came along is kept.

    With `kin` artists or albums are nodes too (kin.py). Without `k` it is 30, or 0 where there is a
    test set: its figures are known for the whole graph.

    Raises:
        ValueError: the core is empty, or it is asked for of data that came with a test set.
    """
    if test is not None and k:
        raise ValueError(
            f"the data came with a test set, which a {k}-core would tear apart: leave K out, or "
            "give the training file as pairs:FILE"
        )
    k = k if k is not None else (0 if test is not None else K)
    core = read.core(k)
    if kin:
        core = replace(core, graph=replace(core.graph, kin=kin_of(core.about, kin)))
    split = split_edges(core.graph, seed) if test is None else given_split(core.graph, test.graph)
    sizes = {"before": _sizes(read.graph), "after": _sizes(core.graph)}
    return PreparedGraph(core, split, k, sizes)


def embed(model: GraphEncoder, messages: Graph, half_life: float | None = None) -> torch.Tensor:
    """Embed every node from what is known, (P + T, D), without a gradient, on the CPU."""
    weights = None if half_life is None else messages.recency(half_life)
    adjacency = Adjacency.of(messages, weights).to(model.embedding.device)
    with torch.no_grad():
        found: torch.Tensor = model.eval()(adjacency).cpu()
    return found


def ranking_judge(
    prepared: PreparedGraph,
    schedule: GraphSchedule,
    cutoffs: Sequence[int],
    *,
    every: int = 1,
    masked: bool = True,
) -> Judge:
    """Ask for the hidden edges every so many epochs, and after the last one; recall and NDCG.

    Raises:
        ValueError: none are hidden, or a cut-off is beyond the tracks.
    """
    known, hidden = prepared.split.messages(prepared.part), prepared.split.hidden(prepared.part)
    for k in cutoffs:
        check_askable(hidden, k)

    def judge(model: GraphEncoder, epoch: int) -> dict[str, float]:
        if epoch % every and epoch != schedule.epochs:
            return {}
        embedded = embed(model, known, schedule.half_life)
        return rank(embedded, known, hidden, max(cutoffs), masked=masked).metrics(cutoffs)

    return judge


def judged_graph(
    trained: TrainedGraph,
    part: Part,
    cutoffs: Sequence[int],
    *,
    masked: bool = True,
    seed: int = 0,
) -> dict[str, float]:
    """Ask a network that was read back: recall and NDCG, loss and ROC-AUC of pairs.

    Raises:
        ValueError: that part has no edges, or a cut-off is beyond the tracks.
    """
    split, schedule = trained.split, trained.schedule
    known, hidden = split.messages(part), split.hidden(part)
    if not hidden.n_edges:
        raise ValueError(f"the network's data has no {part} edges: ask for the other part")
    embedded = embed(trained.model, known, schedule.half_life)
    found = rank(embedded, known, hidden, max(cutoffs), masked=masked).metrics(cutoffs)
    pairs = tell_apart(embedded, hidden, union(known, hidden), schedule.loss, seed)
    return {**found, "loss": pairs.loss, "roc_auc": pairs.roc_auc}


def train_graph(
    prepared: PreparedGraph,
    name: str,
    config: GraphConfig,
    schedule: GraphSchedule,
    judge: Judge,
    *,
    seed: int = 0,
    choose: str | None = None,
    asked: Mapping[str, Any] | None = None,
    checkpoint: Path | None = None,
    checkpoint_every: float = 60.0,
    device: torch.device | None = None,
    progress: Callable[[GraphStep], None] = lambda step: None,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[GraphEncoder, Rows]:
    """Train from nothing; gives the network and a row for each epoch.

    The network is the one after the last epoch, or after the one that was best by the judge's
    figure `choose`, which must come from validation edges.

    The same seed gives the same numbers on a CPU. `checkpoint` is a folder for what an interrupted
    training needs to go on to the same numbers; the caller removes it once the result is safe.
    `asked` tells what the judge asks for, so that no row of another question is taken.

    Raises:
        ValueError: there is nothing to train on, or the checkpoint is of another training.
        FloatingPointError: the loss is no longer finite.
    """
    keep_large_arrays()
    train = prepared.split.train
    with reproducible(seed, schedule.threads):
        model = make_graph_encoder(name, config)
        model.placed(train)
        model.to(device or best_device())
    state = None
    if checkpoint is not None:
        told = {**(asked or {}), **({} if choose is None else {"choose": choose})}
        identity = graph_identity(prepared, name, config, schedule, seed, told)
        state = TrainingState(checkpoint, identity, every=checkpoint_every)
    rows = GraphTraining(model, train, schedule, seed, choose).fit(judge, progress, clock, state)
    return model, rows


def graph_identity(
    prepared: PreparedGraph,
    name: str,
    config: GraphConfig,
    schedule: GraphSchedule,
    seed: int,
    asked: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Say of a training all that its numbers depend on; `asked` is what its judge asks for."""
    train, hidden = prepared.split.train, prepared.split.hidden(prepared.part)
    return {
        "architecture": name,
        "config": asdict(config),
        "schedule": asdict(schedule),
        "seed": seed,
        "asked": dict(asked or {}),
        "edges": digest(
            torch.from_numpy(part)
            for graph in (train, hidden)
            for part in (graph.starts, graph.tracks)
        ),
        **({} if train.kin is None else {"kin": digest([torch.from_numpy(train.kin.groups)])}),
    }


def _sizes(graph: Graph) -> dict[str, int]:
    found = {"playlists": graph.n_playlists, "tracks": graph.n_tracks, "edges": graph.n_edges}
    return found if graph.kin is None else {**found, "kin": graph.kin.count}
