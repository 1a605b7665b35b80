"""How well SASRec ranks next tracks of held-out sessions, beside popularity and a Markov chain.

Duplicates dropped, split by session, next track at all positions (and the last one), full ranking,
several seeds; each seed is another split and another training. Also on the test sessions that share
no run of ten tracks with training, since many listeners play the same playlists. It times nothing.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from models.baselines import Markov, MostPopular
from models.bootstrap import Resamples
from models.data.sources import Source, open_source
from models.encoder import Encoder
from models.evaluate import evaluate
from models.evaluation import Evaluation
from models.losses import LossConfig
from models.metrics import hit_rate, mrr, reciprocal_ranks
from models.optimisation import Step
from models.questions import PROTOCOLS, Floats, Ints, ProtocolName, Ranker
from models.rankers import NeuralRanker
from models.recipe import Prepared, prepare
from models.sasrec import SASRecConfig
from models.schedule import Schedule
from models.sessions import without_shared_runs
from models.train import train

from .machine import RESULTS, provenance, write_result

LOSSES = {
    "sasrec, cross entropy": LossConfig(),
    "sasrec, skip-contrastive": LossConfig(name="skip-contrastive"),
}
BASELINE = 1  # of the rankers, the Markov chain
PARTS = ("test", "test without shared runs")
RUN = 10  # tracks in a row that make a session too like one of training
Where = tuple[str, ProtocolName]
VALUES: dict[str, Callable[[Ints], Floats]] = {
    "hit_rate@10": lambda ranks: (ranks <= 10).astype(np.float64),
    "mrr@20": lambda ranks: reciprocal_ranks(ranks, 20),
}
SHOWN = ("hit_rate@1", "hit_rate@10", "hit_rate@20", "mrr@20", "heard_hit_rate@10", "skip_auc")


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; 0 when SASRec is above the Markov chain on every seed, else 1."""
    options = _options(arguments)
    source = open_source(options.data)
    schedule = Schedule(threads=options.threads, epochs=options.epochs)
    runs = [_one_seed(source, seed, schedule) for seed in options.seeds]
    groups = [
        (part, protocol, _gathered([run[part, protocol] for run in runs]))
        for part in PARTS
        for protocol in PROTOCOLS
    ]
    result = {
        **provenance(),
        "data": {"name": source.name, "simulated": source.simulated},
        "seeds": options.seeds,
        "schedule": asdict(schedule),
        "losses": {name: asdict(loss) for name, loss in LOSSES.items()},
        "above_markov_on_every_seed": _above(groups[0][2]),
        "results": [
            {
                "part": part,
                "protocol": protocol,
                "rows": [_row(evaluations) for evaluations in models],
                "differences": [
                    _difference(ours, theirs) for theirs, ours in combinations(models[BASELINE:], 2)
                ],
            }
            for part, protocol, models in groups
        ],
    }
    write_result(options.out, result)
    table = _table(result)
    options.out.with_suffix(".md").write_text(table, encoding="utf-8")
    print(table)
    _say(f"written to {options.out} and {options.out.with_suffix('.md').name}")
    return 0 if result["above_markov_on_every_seed"] else 1


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="segue bench quality", description=__doc__)
    parser.add_argument("--data", required=True, help="NAME:PATH, as for segue train")
    parser.add_argument(
        "--seeds",
        type=lambda text: [int(seed) for seed in text.split(",")],
        default=[0, 1, 2],
        help="of split and training",
    )
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=RESULTS / "quality.json")
    return parser.parse_args(list(arguments))


def _one_seed(source: Source, seed: int, schedule: Schedule) -> dict[Where, list[Evaluation]]:
    """Split, train and rank with one seed."""
    prepared = prepare(source, seed=seed)
    rankers: list[Ranker] = [MostPopular.fit(prepared.train), Markov.fit(prepared.train)]
    for name, loss in LOSSES.items():
        rankers.append(NeuralRanker(_trained(prepared, loss, schedule, seed, name), name))
    parts = prepared.parts
    tests = (parts.test, without_shared_runs(parts.test, parts.train, RUN))
    found: dict[Where, list[Evaluation]] = {}
    for part, test in zip(PARTS, tests, strict=True):
        known = test.reindexed(prepared.train.track_ids)
        for protocol in PROTOCOLS:
            _say(f"seed {seed}: ranking {len(known)} sessions, {part}, {protocol}")
            found[part, protocol] = evaluate(
                rankers, known, prepared.train.counts(), protocol, seed=seed
            )
    return found


def _trained(
    prepared: Prepared, loss: LossConfig, schedule: Schedule, seed: int, name: str
) -> Encoder:
    newest = Step(0, 0, 1, 0.0, None)

    def each_epoch(step: Step) -> None:
        nonlocal newest
        if step.epoch != newest.epoch:
            _say(
                f"seed {seed}: {name}, step {newest.done} of {newest.total}, "
                f"loss {newest.loss:.3f}, validation mrr@20 {step.valid or 0:.4f}"
            )
        newest = step

    config = SASRecConfig(items=prepared.train.n_items)
    trained = train(
        prepared.train, prepared.valid, config, loss, schedule, seed=seed, progress=each_epoch
    )
    _say(f"seed {seed}: {name} took {trained.seconds:.0f} s, best epoch {trained.best_epoch}")
    return trained.model


def _gathered(runs: list[list[Evaluation]]) -> list[list[Evaluation]]:
    """From a list of models for each seed to a list of seeds for each model."""
    return [list(model) for model in zip(*runs, strict=True)]


def _row(evaluations: list[Evaluation]) -> dict[str, Any]:
    """Mean and standard deviation over the seeds of each figure that all of them have."""
    metrics: dict[str, Any] = {}
    rows = [evaluation.metrics() for evaluation in evaluations]
    for name in rows[0]:
        values = [value for row in rows if (value := row[name]) is not None]
        if len(values) == len(rows):
            sd = statistics.stdev(values) if len(values) > 1 else None
            metrics[name] = {"mean": statistics.fmean(values), "sd": sd, "seeds": values}
    return {"model": evaluations[0].model, "metrics": metrics}


def _difference(ours: list[Evaluation], theirs: list[Evaluation]) -> dict[str, Any]:
    """Differences with their 95 % intervals, over the sessions of all seeds."""
    # A session is another one in another seed: the models it is ranked by are others.
    session = np.concatenate([(i << 32) + e.session for i, e in enumerate(ours)])
    heard = np.concatenate([e.heard for e in ours])
    our_ranks, their_ranks = (np.concatenate([e.ranks for e in es]) for es in (ours, theirs))
    found: dict[str, Any] = {"model": ours[0].model, "than": theirs[0].model}
    resamples = Resamples(session, np.random.default_rng(0))
    for prefix, asked in (("", np.ones_like(heard)), ("heard_", heard)):
        for name, value in VALUES.items():
            interval = resamples.interval(value(our_ranks), value(their_ranks), asked)
            found[prefix + name] = None if interval is None else interval._asdict()
    return found


def _above(models: list[list[Evaluation]]) -> bool:
    """Whether each SASRec beats the chain by both figures on every seed."""
    figures = [[_both(evaluation) for evaluation in seeds] for seeds in models]
    return all(
        hit > markov_hit and mrr > markov_mrr
        for ours in figures[BASELINE + 1 :]
        for (hit, mrr), (markov_hit, markov_mrr) in zip(ours, figures[BASELINE], strict=True)
    )


def _both(evaluation: Evaluation) -> tuple[float, float]:
    return hit_rate(evaluation.ranks, 10), mrr(evaluation.ranks, 20)


def _table(result: dict[str, Any]) -> str:
    """Write the result as Markdown."""
    lines = [
        f"`{' '.join(result['command'])}` at commit {result['commit']}, "
        f"{result['machine']['processor']}, {result['date'][:10]}; data {result['data']['name']}; "
        f"seeds {', '.join(map(str, result['seeds']))}: mean ± standard deviation. Duplicates "
        "dropped, split by session, full ranking, current track masked; differences with 95 % "
        "bootstrap intervals over sessions.",
    ]
    for group in result["results"]:
        lines += [
            "",
            f"**{group['part']}, {group['protocol']}**",
            "",
            f"| model | {' | '.join(SHOWN)} |",
            f"|{'---|' * (len(SHOWN) + 1)}",
        ]
        for row in group["rows"]:
            cells = [_cell(row["metrics"].get(name)) for name in SHOWN]
            lines.append(f"| {row['model']} | {' | '.join(cells)} |")
        lines.append("")
        for difference in group["differences"]:
            values = [
                f"{name} {value['mean']:+.4f} [{value['low']:+.4f}, {value['high']:+.4f}]"
                for name, value in difference.items()
                if isinstance(value, dict)
            ]
            pair = f"{difference['model']}, over {difference['than']}"
            lines.append(f"- {pair}: {'; '.join(values)}")
    return "\n".join(lines) + "\n"


def _cell(figure: dict[str, Any] | None) -> str:
    if figure is None:
        return "-"
    return f"{figure['mean']:.4f}" + ("" if figure["sd"] is None else f" ± {figure['sd']:.4f}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
