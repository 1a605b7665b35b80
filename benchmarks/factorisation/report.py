"""The report of a run: means and deviations beside the published figures, and who is better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from models.evaluation.bootstrap import Resamples
from models.evaluation.metrics import gains

from .entries import FOUR, Subject
from .published import Row
from .sitting import Answer

Answers = Mapping[str, Sequence[Answer]]  # of each entry, one a seed (a baseline has one)
_WITHIN = 0.015
_SHOWN = ("hit_rate@10", "ndcg@10", "coverage@10")


def systems(answers: Answers) -> dict[str, dict[str, Any]]:
    """Mean and standard deviation over the seeds of every figure of every entry."""
    found = {}
    for name, given in answers.items():
        figures = [answer.ranked.figures() for answer in given]
        found[name] = {key: _spread([each[key] for each in figures]) for key in figures[0]} | {
            "seconds": round(float(np.mean([answer.seconds for answer in given])), 1)
        }
    return found


def row(published: Row, found: Mapping[str, Any], protocol: str) -> dict[str, Any]:
    """Set one published row beside ours."""
    theirs = {
        "hit_rate@10": published.hit_rate,
        "ndcg@10": published.ndcg,
        "coverage@10": published.coverage,
    }
    told = {
        "table": published.table, "name": published.name, "by": published.by,
        "published": theirs, "entry": published.entry, "differs": published.differs,
    }  # fmt: skip
    if published.entry is None:
        return told | {"ours": None, "within": None}
    ours = {key: found[published.entry][f"{protocol}_{key}"] for key in _SHOWN}
    reached = ours["hit_rate@10"]["mean"] >= published.hit_rate - _WITHIN
    return told | {"ours": ours, "within": bool(reached)}


def comparisons(subject: Subject, answers: Answers) -> list[dict[str, Any]]:
    """Compare machines two by two on the same users: 95 % bootstrap intervals, seeds pooled."""
    found = []
    first = next(iter(answers.values()))[0].ranked
    seeds = max(len(given) for given in answers.values())
    users = np.tile(np.arange(len(first.sampled)), seeds)
    resamples = Resamples(users, np.random.default_rng(0))
    for better, worse in _pairs(list(answers)):
        for metric in ("hit_rate@10", "ndcg@10"):
            ours, theirs = (
                _worth(answers[name], subject.protocol, metric, seeds) for name in (better, worse)
            )
            interval = resamples.interval(ours, theirs)
            if interval is not None:
                mean, *bounds = (round(value, 4) for value in interval)
                found.append({"a": better, "b": worse, "metric": metric,
                              "protocol": subject.protocol, "difference": mean,
                              "interval95": bounds})  # fmt: skip
    return found


def _pairs(names: Sequence[str]) -> list[tuple[str, str]]:
    """A graph, attention, a context, or four machines against what lacks it; then the best."""
    pairs = []
    for name in names:
        kind, plus, context = name.partition("+")
        simpler = {"fm-gcn": ["fm"], "fm-gcn-att": ["fm", "fm-gcn"]}.get(kind, [])
        pairs += [(name, before + plus + context) for before in simpler]
        if plus:
            pairs.append((name, kind))
        if name.startswith(FOUR):
            pairs.append((name, name.removeprefix(FOUR)))
    wanted = [pair for pair in pairs if pair[1] in names]
    return wanted + [(name, other) for name, other in (("fm", "user-knn"), ("fm", "popularity"))
                     if name in names and other in names]  # fmt: skip


def _worth(given: Sequence[Answer], protocol: str, metric: str, seeds: int) -> Any:  # noqa: ANN401
    ranks = [getattr(answer.ranked, protocol) for answer in given]
    joined = np.concatenate(ranks * (seeds if len(ranks) == 1 else 1))
    return gains(joined, 10) if metric == "ndcg@10" else (joined <= 10).astype(np.float64)


def _spread(values: Sequence[float]) -> dict[str, float | None]:
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {
        "mean": round(float(np.mean(values)), 4),
        "sd": None if deviation is None else round(deviation, 4),
    }
