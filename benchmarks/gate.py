"""What a fine-tune gains from a window, and how often the gate sees it: `segue bench gate`.

A base is trained on half of the training sessions; windows of the other half make candidates, which
are compared with the base on sessions that neither saw. Then the gate judges each of them again and
again by a few of these sessions, as it would have to in a stream. It times nothing, and it neither
reads feedback nor exports.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from models.data.sources import open_source
from models.encoders.sasrec import SASRecConfig
from models.finetuning.gate import GateRules, PairedSample, judge
from models.finetuning.trial import Contender, TrialConfig, candidate, compare
from models.losses.loss import LossConfig
from models.recipe import Prepared, prepare
from models.sessions import Sessions
from models.training.schedule import Schedule
from models.training.train import train

from .machine import RESULTS, provenance, write_result

LOSS = LossConfig(name="skip-contrastive")
JUDGED = 1500  # sessions that no window holds: "truly better" is what these say
HELD_OUT = (50, 100, 167, 250)
UNLIMITED = 10**6
RULES = {"accepted": GateRules(), "accepted_no_hit_lost": GateRules(hit_loss=0)}
# Name, sessions in the window, and how the trial differs from the default.
TRIALS: tuple[tuple[str, int, dict[str, Any]], ...] = (
    ("200 sessions", 200, {}),
    ("400 sessions", 400, {}),
    ("800 sessions", 800, {}),
    ("200, half a batch", 200, {"passes": UNLIMITED}),
    ("400, half a batch", 400, {"passes": UNLIMITED}),
)


def main(arguments: Sequence[str]) -> int:
    """Run it and write the result; 0 when a true gain passes more often than a loss, else 1."""
    parser = argparse.ArgumentParser(prog="segue bench gate", description=__doc__)
    parser.add_argument("--data", required=True, help="NAME:PATH, or simulated")
    parser.add_argument("--epochs", type=int, default=6, help="of the base")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--draws", type=int, default=100, help="of held-out sessions, each size")
    parser.add_argument("--out", type=Path, default=RESULTS / "gate.json")
    options = parser.parse_args(list(arguments))

    console, source = Console(stderr=True), open_source(options.data)
    prepared = prepare(source, seed=options.seed, train_fraction=0.5)
    base = _base(prepared, options.epochs, options.seed)
    console.print(f"base of {len(prepared.train)} sessions is trained")
    rng = np.random.default_rng(options.seed)
    order = rng.permutation(len(prepared.parts.unused))
    others = prepared.parts.unused.select(order[:JUDGED])
    rows = []
    for name, size, changes in TRIALS:
        window = prepared.parts.unused.select(order[JUDGED : JUDGED + size]).compacted()
        rows.append({"trial": name, **_trial(base, prepared, window, others, changes, options)})
        console.print(f"{name}: {rows[-1]['change']}")
    result = {
        **provenance(),
        "data": {"name": source.name, "simulated": source.simulated},
        "base_sessions": len(prepared.train),
        "judged_by_sessions": len(others),
        "rows": rows,
    }
    write_result(options.out, result)
    Console().print(_table(rows))
    gains = [row for row in rows if row["change"]["mrr@20"] > 0.01]
    losses = [row for row in rows if row["change"]["mrr@20"] <= 0]
    worst = min((max(row["accepted"].values()) for row in gains), default=0.0)
    best = max((max(row["accepted"].values()) for row in losses), default=0.0)
    return 0 if gains and worst > best else 1


def _base(prepared: Prepared, epochs: int, seed: int) -> Contender:
    config = SASRecConfig(items=prepared.train.n_items)
    model = train(
        prepared.train, prepared.valid, config, LOSS, Schedule(epochs=epochs), seed=seed
    ).model.cpu()
    return Contender(model, prepared.train.track_ids, prepared.train.counts())


def _trial(
    base: Contender,
    prepared: Prepared,
    window: Sessions,
    others: Sessions,
    changes: dict[str, Any],
    options: argparse.Namespace,
) -> dict[str, Any]:
    """Make one candidate; give its true change, and how often the gate accepts it."""
    config = replace(TrialConfig(), **changes)
    config = replace(config, schedule=replace(config.schedule, seconds=None))
    made, trained = candidate(base, window, prepared.parts.train, config, seed=options.seed)
    sample = compare(base, made, others)
    anchor = compare(base, made, prepared.parts.valid)
    accepted = {
        name: {
            size: _accepted(sample, anchor, size, options.draws, rules, options.seed)
            for size in HELD_OUT
        }
        for name, rules in RULES.items()
    }
    return {
        "passes": len(trained.losses),
        "new_tracks": len(made.track_ids) - len(base.track_ids),
        "change": _change(sample),
        "anchor_change": _change(anchor),
        **accepted,
    }


def _change(sample: PairedSample) -> dict[str, float]:
    return {
        "mrr@20": round(float(sample.candidate_rr.mean() / sample.champion_rr.mean() - 1), 4),
        "hit_rate@10": round(
            float(sample.candidate_hit.mean() / sample.champion_hit.mean() - 1), 4
        ),
    }


def _accepted(
    sample: PairedSample, anchor: PairedSample, size: int, draws: int, rules: GateRules, seed: int
) -> float:
    """Share of draws of `size` held-out sessions by which the gate accepts; a seed, its draws."""
    rng = np.random.default_rng((seed, size))
    sessions, accepted = np.unique(sample.sessions), 0
    for _ in range(draws):
        chosen = np.isin(sample.sessions, rng.choice(sessions, size, replace=False))
        window = PairedSample(
            sessions=sample.sessions[chosen],
            champion_rr=sample.champion_rr[chosen],
            candidate_rr=sample.candidate_rr[chosen],
            champion_hit=sample.champion_hit[chosen],
            candidate_hit=sample.candidate_hit[chosen],
        )
        accepted += judge(window, anchor, rules, rng).accepted
    return accepted / draws


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    title = "change against the base, and how often the gate accepts by so many held-out sessions"
    table = Table("window", "passes", "mrr@20", "hit@10", "anchor", title=title)
    for size in HELD_OUT:
        table.add_column(str(size), justify="right")
    for row in rows:
        changes = row["change"]["mrr@20"], row["change"]["hit_rate@10"]
        told = [f"{change:+.1%}" for change in (*changes, row["anchor_change"]["mrr@20"])]
        shares = [f"{row['accepted'][size]:.0%}" for size in HELD_OUT]
        table.add_row(row["trial"], str(row["passes"]), *told, *shares)
    return table
