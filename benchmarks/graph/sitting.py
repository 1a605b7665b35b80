"""Trains the cells of a suite and judges them; an outcome is kept as soon as it is there."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.machine import write_result
from models.data.playlists import Playlists
from models.graphs.edge_split import Part
from models.graphs.encoder import GraphEncoder
from models.graphs.evaluation import rank, tell_apart
from models.graphs.graph import union
from models.graphs.networks import make_graph_config
from models.graphs.recipe import (
    PreparedGraph,
    embed,
    graph_identity,
    prepare_graph,
    train_graph,
)
from models.training.state import digest

from .suites import Cell, Suite

Say = Callable[[str], None]
Figures = dict[str, float]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of a cell with one seed."""

    told: dict[str, Any]  # name, seed, commit, seconds, a row for each epoch, test figures
    playlists: NDArray[np.int64]  # (n,) that hide test tracks
    recall: NDArray[np.float64]  # (n,) of each, at the first cut-off


class Sitting:
    """A suite on its data; runs until the deadline (a `time.monotonic`), and no longer."""

    def __init__(
        self, suite: Suite, read: Playlists, test: Playlists | None, work: Path, say: Say
    ) -> None:
        self.suite, self._work, self._say = suite, work, say
        self._read, self._test = read, test
        self._prepared: dict[int, PreparedGraph] = {}

    def prepared(self, seed: int) -> PreparedGraph:
        """Deal the edges out for a seed."""
        if seed not in self._prepared:
            self._prepared[seed] = prepare_graph(self._read, self._test, k=self.suite.k, seed=seed)
        return self._prepared[seed]

    def cutoffs(self, tracks: int) -> tuple[int, ...]:
        """Give the suite's cut-offs, and the one that is a share of the tracks."""
        found = tuple(min(k, tracks) for k in self.suite.cutoffs)
        share = self.suite.share
        return found if share is None else (*found, max(1, round(share * tracks)))

    def outcome(self, cell: Cell, seed: int, commit: str, deadline: float) -> Outcome | None:
        """Give a cell's outcome; None if it is not there and the time is over."""
        prepared, suite = self.prepared(seed), self.suite
        train = prepared.split.train
        sizes = {"playlists": train.n_playlists, "tracks": train.n_tracks, **cell.sizes}
        config = make_graph_config(cell.network, sizes)
        schedule = replace(suite.schedule, **cell.schedule)
        asked = {"at": self.cutoffs(train.n_tracks), "every": suite.every}
        identity = graph_identity(prepared, cell.network, config, schedule, seed, asked)
        stem = digest([json.dumps(identity, sort_keys=True)])
        if (kept := self._kept(stem)) is not None:
            return kept
        if time.monotonic() > deadline:
            return None
        checkpoint = self._work / f"{stem}.training"

        def judge(model: GraphEncoder, epoch: int) -> Figures:
            if epoch % suite.every and epoch != schedule.epochs:
                return {}
            found = self._judged(model, prepared, prepared.part)
            self._say(f"{cell.name}, seed {seed}, epoch {epoch}: {_short(found)}")
            return found

        try:
            model, rows = train_graph(
                prepared, cell.network, config, schedule, judge,
                seed=seed, asked=asked, checkpoint=checkpoint, device=torch.device("cpu"),
                progress=lambda step: _until(deadline),
            )  # fmt: skip
        except TimeoutError:
            return None
        embedded = embed(model, prepared.split.messages("test"))
        known, hidden = prepared.split.messages("test"), prepared.split.hidden("test")
        first = self.cutoffs(train.n_tracks)[0]
        ranking = rank(embedded, known, hidden, first)
        told = {
            "name": cell.name,
            "seed": seed,
            "commit": commit,
            "seconds": round(sum(row["seconds"] for row in rows), 1),
            "epochs": rows,
            "test": self._judged(model, prepared, "test"),
        }
        outcome = Outcome(told, ranking.playlists, ranking.recall(first))
        self._keep(stem, outcome)
        shutil.rmtree(checkpoint, ignore_errors=True)
        return outcome

    def popularity(self, seed: int) -> Figures:
        """Judge the list that everyone gets: the tracks that most playlists have."""
        prepared = self.prepared(seed)
        known = prepared.split.messages("test")
        embedded = torch.ones(known.n_nodes, 1)
        embedded[known.n_playlists :, 0] = torch.from_numpy(known.popularity).float()
        # Equal counts would be ties, which count against everyone: the order of tracks parts them.
        embedded[known.n_playlists :, 0] -= torch.arange(known.n_tracks) / (2 * known.n_tracks)
        cutoffs = self.cutoffs(known.n_tracks)
        return rank(embedded, known, prepared.split.hidden("test"), max(cutoffs)).metrics(cutoffs)

    def _judged(self, model: GraphEncoder, prepared: PreparedGraph, part: Part) -> Figures:
        """Rank hidden edges, known ones masked and not, and tell edges from pairs that are none."""
        split = prepared.split
        known, hidden = split.messages(part), split.hidden(part)
        embedded, cutoffs = embed(model, known), self.cutoffs(known.n_tracks)
        top = max(cutoffs)
        found = rank(embedded, known, hidden, top).metrics(cutoffs)
        unmasked = rank(embedded, known, hidden, top, masked=False).metrics(cutoffs)
        everything = union(known, hidden)
        loss = self.suite.schedule.loss
        pairs = tell_apart(embedded, hidden, everything, loss, 0)
        learned = tell_apart(embed(model, split.train), split.train, everything, loss, 0)
        return {
            **found,
            **{f"unmasked_{name}": value for name, value in unmasked.items()},
            "loss": pairs.loss,
            "roc_auc": pairs.roc_auc,
            "train_pair_loss": learned.loss,
            "train_roc_auc": learned.roc_auc,
        }

    def _kept(self, stem: str) -> Outcome | None:
        file = self._work / f"{stem}.json"
        if not file.exists():
            return None
        arrays = np.load(self._work / f"{stem}.npz", allow_pickle=False)
        told = json.loads(file.read_text(encoding="utf-8"))
        return Outcome(told, arrays["playlists"], arrays["recall"])

    def _keep(self, stem: str, outcome: Outcome) -> None:
        self._work.mkdir(parents=True, exist_ok=True)
        arrays = {"playlists": outcome.playlists, "recall": outcome.recall}
        np.savez(self._work / f"{stem}.npz", allow_pickle=False, **arrays)
        write_result(self._work / f"{stem}.json", outcome.told)  # last: what has it is whole


def _until(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise TimeoutError


def _short(figures: Figures) -> str:
    return ", ".join(f"{name} {value:.4f}" for name, value in list(figures.items())[:2])
