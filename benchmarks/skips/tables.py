"""Rows and paired differences of a skip suite, as records and as Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from models.evaluation.bootstrap import Interval, Resamples
from models.evaluation.evaluation import Evaluation
from models.evaluation.metrics import reciprocal_ranks
from models.questions import Bools, Floats, Ints

from .rows import Answers
from .suite import Bar, Suite

Worth = tuple[Floats, Bools | Ints]  # of each question: its value, and what it counts
Kept = Mapping[str, Sequence[Answers]]  # by row, in order of seed
_DIGITS = 5
_SPENT = ("epochs", "seconds")


def _hits(k: int) -> Callable[[Ints], Floats]:
    return lambda ranks: (ranks <= k).astype(np.float64)


def _mrr(ranks: Ints) -> Floats:
    return reciprocal_ranks(ranks, 20)


def _all(value: Callable[[Ints], Floats]) -> Callable[[Evaluation], Worth]:
    return lambda found: (value(found.ranks), np.ones(len(found.ranks), np.bool_))


def _heard(value: Callable[[Ints], Floats]) -> Callable[[Evaluation], Worth]:
    return lambda found: (value(found.ranks), found.heard)


def _sampled(k: int) -> Callable[[Evaluation], Worth | None]:
    def worth(found: Evaluation) -> Worth | None:
        ranks = found.sampled_ranks
        return None if ranks is None else (_hits(k)(ranks), np.ones(len(ranks), np.bool_))

    return worth


def _auc(found: Evaluation) -> Worth | None:
    if found.won is None or found.pairs is None or not found.pairs.any():
        return None
    return found.won, found.pairs


METRICS: dict[str, Callable[[Evaluation], Worth | None]] = {
    **{f"sampled_hit_rate@{k}": _sampled(k) for k in (1, 5, 10, 20)},
    "hit_rate@1": _all(_hits(1)),
    "hit_rate@10": _all(_hits(10)),
    "mrr@20": _all(_mrr),
    "heard_hit_rate@10": _heard(_hits(10)),
    "heard_mrr@20": _heard(_mrr),
    "skip_auc": _auc,
}
"""What is shown and compared, where a suite has it: the value of each question and its weight."""
_NEXT = ("hit_rate@1", "hit_rate@10", "mrr@20", "heard_hit_rate@10", "heard_mrr@20", "skip_auc")
_LAST = (*(f"sampled_hit_rate@{k}" for k in (1, 5, 10, 20)), "hit_rate@1", "hit_rate@10")


def shown(suite: Suite) -> tuple[str, ...]:
    """Name the figures of a suite's tables."""
    return _NEXT if suite.protocol == "next-track" else _LAST


def records(suite: Suite, kept: Kept) -> list[dict[str, Any]]:
    """Give a record of every row and seed."""
    return [
        {
            "model": row.name,
            "architecture": row.architecture,
            "kind": "model",
            "loss": row.loss.name,
            "protocol": suite.protocol,
            "seed": seed,
            "metrics": _figures(suite, answers.evaluation),
            "contexts": {
                context: _figures(suite, answers.evaluation.of(answers.context == context))
                for context in sorted(set(answers.context.tolist()) - {""})
            },
            **answers.told,
        }
        for row in suite.rows
        for seed, answers in zip(suite.seeds, kept[row.name], strict=True)
    ]


def differences(suite: Suite, kept: Kept) -> list[dict[str, Any]]:
    """Compare the pairs of a suite: mean difference, its 95 % interval, and that of each seed.

    In a split by session a session is another one in another seed, since training was another.
    """
    first = kept[suite.rows[0].name]
    shift = 0 if suite.leave_one_out else 1 << 32
    session = [answers.evaluation.session + i * shift for i, answers in enumerate(first)]
    resamples = Resamples(np.concatenate(session), np.random.default_rng(0))
    found = []
    for a, b in suite.pairs:
        for metric in shown(suite):
            ours, theirs = (_worths(kept[name], metric) for name in (a, b))
            if ours is None or theirs is None:
                continue
            parts = [_mean(one) - _mean(other) for one, other in zip(ours, theirs, strict=True)]
            interval = resamples.interval(_joined(ours, 0), _joined(theirs, 0), _joined(ours, 1))
            assert interval is not None  # a mean above was of something
            base = statistics.fmean(map(_mean, theirs))
            found.append(_difference(a, b, metric, interval, base, parts))
    return found


def verdicts(bars: Sequence[Bar], found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Hold each comparison to the bars of its metric."""
    return [
        {
            "a": one["a"],
            "b": one["b"],
            "bar": str(bar),
            "met": min(one["seeds"]) > 0
            if bar.every_seed
            else one["interval95"][0] > bar.above * one["of"],
        }
        for bar in bars
        for one in found
        if one["metric"] == bar.metric
    ]


def markdown(suite: Suite, result: Mapping[str, Any]) -> str:
    """Write the result for reading: rows as mean ± standard deviation, then the differences."""
    columns = [name for name in shown(suite) if _of(result["rows"], suite.rows[0].name, name)]
    lines = [
        f"{suite.title}; `{' '.join(result['command'])}` at commit {result['commit']}, "
        f"{result['machine']['processor']}, {result['date'][:10]}; data {result['data']['name']}"
        f"{' (simulated)' if result['data']['simulated'] else ''}; seeds "
        f"{', '.join(map(str, suite.seeds))}; {suite.protocol}, {suite.part}. Mean ± "
        "standard deviation over the seeds; intervals are 95 % bootstrap intervals over sessions.",
        "",
        f"| row | {' | '.join(columns)} | epochs | seconds |",
        f"|{'---|' * (len(columns) + 3)}",
    ]
    for row in suite.rows:
        cells = [_cell(_of(result["rows"], row.name, name)) for name in columns]
        own = [found for found in result["rows"] if found["model"] == row.name]
        cells += [f"{statistics.fmean(found[name] for found in own):.0f}" for name in _SPENT]
        lines.append(f"| {row.name} | {' | '.join(cells)} |")
    lines += ["", f"| over | {' | '.join(columns)} |", f"|{'---|' * (len(columns) + 1)}"]
    for a, b in suite.pairs:
        pair = [one for one in result["comparisons"] if (one["a"], one["b"]) == (a, b)]
        gains = {one["metric"]: _gain(one) for one in pair}
        lines.append(f"| {a} − {b} | {' | '.join(gains[name] for name in columns)} |")
    for verdict in result["verdicts"]:
        lines.append(f"- {verdict['a']} − {verdict['b']}: {verdict['bar']}: "
                     f"{'yes' if verdict['met'] else 'no'}")  # fmt: skip
    return "\n".join(lines) + "\n" + _sliced(suite, result)


def _sliced(suite: Suite, result: Mapping[str, Any]) -> str:
    """Write the first figure of heard targets by listening context, where the data has it."""
    contexts = sorted({name for row in result["rows"] for name in row["contexts"]})
    if not contexts:
        return ""
    metric = "heard_hit_rate@10" if suite.protocol == "next-track" else "sampled_hit_rate@10"
    lines = [
        "",
        f"| {metric} by context | {' | '.join(contexts)} |",
        f"|{'---|' * (len(contexts) + 1)}",
    ]
    for row in suite.rows:
        own = [r["contexts"] for r in result["rows"] if r["model"] == row.name]
        cells = [
            _cell([r[c][metric] for r in own if r.get(c, {}).get(metric) is not None])
            for c in contexts
        ]
        lines.append(f"| {row.name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _figures(suite: Suite, evaluation: Evaluation) -> dict[str, float | None]:
    found = {name: METRICS[name](evaluation) for name in shown(suite)}
    return {
        name: round(_mean(worth), _DIGITS) if worth is not None and worth[1].any() else None
        for name, worth in found.items()
    }


def _worths(answers: Sequence[Answers], metric: str) -> list[Worth] | None:
    found = [METRICS[metric](each.evaluation) for each in answers]
    known = [worth for worth in found if worth is not None]
    return known if len(known) == len(found) else None


def _joined(worths: Sequence[Worth], part: int) -> Any:  # noqa: ANN401
    return np.concatenate([worth[part] for worth in worths])


def _mean(worth: Worth) -> float:
    values, weights = worth
    return float(np.where(weights > 0, values, 0).sum() / weights.sum())


def _difference(
    a: str, b: str, metric: str, interval: Interval, base: float, seeds: Sequence[float]
) -> dict[str, Any]:
    bounds = [interval.low, interval.high]
    return {
        "a": a,
        "b": b,
        "metric": metric,
        "difference": round(interval.mean, _DIGITS),
        "interval95": [round(bound, _DIGITS) for bound in bounds],
        "of": round(base, _DIGITS),
        "relative": round(interval.mean / base, _DIGITS) if base else None,
        "seeds": [round(seed, _DIGITS) for seed in seeds],
    }


def _of(rows: Sequence[Mapping[str, Any]], name: str, metric: str) -> list[float]:
    found = (row["metrics"][metric] for row in rows if row["model"] == name)
    return [value for value in found if value is not None]


def _cell(values: Sequence[float]) -> str:
    if not values:
        return "-"
    spread = f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.4f}{spread}"


def _gain(one: Mapping[str, Any]) -> str:
    low, high = one["interval95"]
    share = "" if one["relative"] is None else f" ({one['relative']:+.1%})"
    return f"{one['difference']:+.4f} [{low:+.4f}, {high:+.4f}]{share}"
