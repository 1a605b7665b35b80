"""The table and the curves of a suite of graph networks."""

from __future__ import annotations

import io
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from models.evaluation.bootstrap import Resamples

from .sitting import Outcome

RESAMPLES = 2000


def rows_of(
    cells: Mapping[str, Sequence[Outcome]], published: Mapping[str, str], cutoffs: Sequence[int]
) -> list[dict[str, Any]]:
    """Give a row for each cell, over its seeds; the first is what others are compared with."""
    base = next(iter(cells.values()))
    return [
        {
            "name": name,
            "seeds": [outcome.told["seed"] for outcome in outcomes],
            "seconds": _over([outcome.told["seconds"] for outcome in outcomes]),
            "train_loss": _over([outcome.told["epochs"][-1]["loss"] for outcome in outcomes]),
            "valid": _figures([_last(outcome) for outcome in outcomes]),
            "test": _figures([outcome.told["test"] for outcome in outcomes]),
            "difference": None if outcomes is base else _difference(outcomes, base),
            "published": published[name],
        }
        for name, outcomes in cells.items()
    ]


def markdown(result: Mapping[str, Any]) -> str:
    """Write the table, with what it is of."""
    after, before = result["sizes"]["after"], result["sizes"]["before"]
    names = [f"{kind}@{k}" for k in result["cutoffs"] for kind in ("recall", "ndcg")]
    columns = [*names, f"unmasked {names[0]}", "ROC-AUC", "train / val. loss", "seconds"]
    quick = " Quick: no figure of it is to be quoted." if result["quick"] else ""
    lines = [
        f"# Graph networks, {result['suite']}",
        "",
        f"{before['playlists']} playlists, {before['tracks']} tracks, {before['edges']} edges; "
        f"K-core with K = {result['k']}: {after['playlists']}, {after['tracks']}, "
        f"{after['edges']}. "
        f"{result['schedule']['epochs']} epochs, seeds {result['seeds']}, commits "
        f"{result['commits']}, command `{' '.join(result['command'])}`.{quick}",
        "",
        "Test edges, full ranking, known edges masked; mean and standard deviation over seeds, if "
        "there are several. "
        f"Difference: of {names[0]} to the first row on the same playlists, paired bootstrap.",
        "",
        f"| | {' | '.join(columns)} | difference | published, on {result['published_on']} |",
        "|" + "---|" * (len(columns) + 3),
        _popular(result, names, len(columns)),
    ]
    for row in result["rows"]:
        test, valid = row["test"], row["valid"]
        told = (*names, f"unmasked_{names[0]}", "roc_auc")
        cells = [_told(test[name], row["seeds"]) for name in told]
        losses = f"{row['train_loss']['mean']:.3f} / {valid['loss']['mean']:.3f}"
        cells += [losses, f"{row['seconds']['mean']:.0f}", _interval(row["difference"])]
        lines.append(f"| {row['name']} | {' | '.join(cells)} | {row['published']} |")
    return "\n".join(lines) + "\n"


def curves(cells: Mapping[str, Sequence[Outcome]], figure_name: str) -> bytes:
    """Draw training loss, validation loss and the ranking figure by epoch, as PNG."""
    with mpl.rc_context({"font.size": 8}):
        figure = Figure(figsize=(13, 5), layout="constrained")
        axes = figure.subplots(1, 3)
        for number, (name, outcomes) in enumerate(cells.items()):
            style = {
                "color": mpl.colormaps["tab20"](number % 20),
                "linestyle": ("-", "--", ":")[number // 20 % 3],
                "linewidth": 1,
            }
            rows = outcomes[0].told["epochs"]
            judged = [row for row in rows if row["metrics"]]
            at = [row["epoch"] for row in judged]
            axes[0].plot([r["epoch"] for r in rows], [r["loss"] for r in rows], **style)
            axes[1].plot(at, [r["metrics"]["loss"] for r in judged], **style)
            axes[2].plot(at, [r["metrics"][figure_name] for r in judged], label=name, **style)
        titles = ("training loss", "loss of hidden edges", f"{figure_name} of hidden edges")
        for part, title in zip(axes, titles, strict=True):
            part.set_title(f"{title}, first seed")
            part.set_xlabel("epoch")
        figure.legend(loc="outside right upper", fontsize=7)
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=100, metadata={"Software": None})
    return file.getvalue()


def _last(outcome: Outcome) -> dict[str, float]:
    judged = [row["metrics"] for row in outcome.told["epochs"] if row["metrics"]]
    found: dict[str, float] = judged[-1]
    return found


def _figures(found: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    return {name: _over([figures[name] for figures in found]) for name in found[0]}


def _over(values: Sequence[float]) -> dict[str, float]:
    return {
        "mean": statistics.fmean(values),
        "sd": statistics.stdev(values) if len(values) > 1 else 0.0,
    }


def _difference(outcomes: Sequence[Outcome], base: Sequence[Outcome]) -> dict[str, float] | None:
    """Compare on the same playlists, those of each seed by themselves."""
    of_seed = {outcome.told["seed"]: outcome for outcome in base}
    pairs = [(o, of_seed[o.told["seed"]]) for o in outcomes if o.told["seed"] in of_seed]
    if not pairs:
        return None
    labels = [ours.playlists + (number << 40) for number, (ours, _) in enumerate(pairs)]
    resamples = Resamples(np.concatenate(labels), np.random.default_rng(0), RESAMPLES)
    interval = resamples.interval(
        np.concatenate([ours.recall for ours, _ in pairs]),
        np.concatenate([theirs.recall for _, theirs in pairs]),
    )
    return None if interval is None else interval._asdict()


def _told(figure: Mapping[str, float], seeds: Sequence[int]) -> str:
    spread = f" ± {figure['sd']:.4f}" if len(seeds) > 1 else ""
    return f"{figure['mean']:.4f}{spread}"


def _interval(found: Mapping[str, float] | None) -> str:
    if found is None:
        return ""
    return f"{found['mean']:+.4f} [{found['low']:+.4f}, {found['high']:+.4f}]"


def _popular(result: Mapping[str, Any], names: Sequence[str], columns: int) -> str:
    cells = [f"{result['popularity'][name]['mean']:.4f}" for name in names]
    return f"| popularity | {' | '.join(cells)} |" + " |" * (columns - len(names) + 2)
