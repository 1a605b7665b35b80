"""The table: figures over seeds, and each way against the random start on the same questions."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from models.evaluation.bootstrap import Resamples
from models.evaluation.metrics import hit_rate

from .cold import Answers
from .outcomes import WAYS, Cell, Outcomes

K = 10
_APART = 10_000_000  # sessions of two seeds are two sessions


def rows_of(
    outcomes: Outcomes, data: Sequence[str], models: Sequence[str], seeds: Sequence[int]
) -> list[dict[str, Any]]:
    """Give a row for each data set, model and way."""
    rows = []
    for name in data:
        for model in models:
            first: list[Answers] = []
            for init, ways in WAYS.items():
                for way in ways:
                    cells = [Cell(name, model, init, seed) for seed in seeds]
                    kept = [outcomes.read(cell, way) for cell in cells]
                    first = first or [answers for answers, _ in kept]
                    rows.append({"data": name, "model": model, "init": way, **_row(kept, first)})
    return rows


def markdown(result: Mapping[str, Any]) -> str:
    """Write the rows as Markdown."""
    seeds = len(result["rows"][0]["hit_rate@10"]["each"]) if result["rows"] else 0
    lines = [
        f"# Graph embeddings as a start, and for tracks that no session had ({seeds} seeds)",
        "",
        f"Command: `{' '.join(result['command'])}`, commit {result['commit']}."
        + (" A quick run: its figures are not to be quoted." if result["quick"] else ""),
        "",
        "| data | model | start | HR@10 | over random | cold HR@10 | over random | times |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in result["rows"]:
        cells = [row["data"], row["model"], row["init"]]
        for name in ("hit_rate@10", "cold_hit_rate@10"):
            found = row[name]
            spread = f" ± {found['sd']:.4f}" if found["sd"] is not None else ""
            cells.append(f"{found['mean']:.4f}{spread}")
            gained = found["over_random"]
            cells.append(
                f"{gained['mean']:+.4f} [{gained['low']:+.4f}, {gained['high']:+.4f}]"
                if gained
                else "–"
            )
        times = row["cold_times_random"]
        cells.append("–" if times is None else f"{times:.1f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _row(kept: Sequence[tuple[Answers, int]], first: Sequence[Answers]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    cold = [answers.target > warm for answers, warm in kept]
    for name, chosen in (
        ("hit_rate@10", [answers.target > 0 for answers, _ in kept]),
        ("cold_hit_rate@10", cold),
    ):
        each = [
            hit_rate(answers.ranks[part], K)
            for (answers, _), part in zip(kept, chosen, strict=True)
        ]
        found[name] = {
            "mean": statistics.fmean(each),
            "sd": statistics.stdev(each) if len(each) > 1 else None,
            "each": each,
            "over_random": _gained([answers for answers, _ in kept], first, chosen),
        }
    random = statistics.fmean(
        hit_rate(answers.ranks[part], K) for answers, part in zip(first, cold, strict=True)
    )
    mean = found["cold_hit_rate@10"]["mean"]
    return found | {
        "targets": [len(answers.ranks) for answers, _ in kept],
        "cold_targets": [int(part.sum()) for part in cold],
        "cold_times_random": mean / random if random else None,
    }


def _gained(
    ours: Sequence[Answers], theirs: Sequence[Answers], chosen: Sequence[np.ndarray]
) -> dict[str, float] | None:
    """Interval of the difference of hits over all seeds, by session; None against itself."""
    if all(one is other or np.array_equal(one.ranks, other.ranks)
           for one, other in zip(ours, theirs, strict=True)):  # fmt: skip
        return None
    labels = [answers.session[part] + _APART * seed
              for seed, (answers, part) in enumerate(zip(ours, chosen, strict=True))]  # fmt: skip
    hits = [
        np.concatenate([(a.ranks[part] <= K).astype(np.float64)
                        for a, part in zip(answers, chosen, strict=True)])
        for answers in (ours, theirs)
    ]  # fmt: skip
    resamples = Resamples(np.concatenate(labels), np.random.default_rng(0))
    found = resamples.interval(hits[0], hits[1])
    return None if found is None else dict(found._asdict())
