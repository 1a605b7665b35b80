"""Tables: mean and standard deviation over the seeds, by protocol, for reading."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .suite import Suite

NAMES = {
    "hit_rate": "HR", "recall": "Recall", "mrr": "MRR", "ndcg": "NDCG", "skip_auc": "skip AUC",
    "coverage": "coverage", "gini": "Gini", "popularity_lift": "popularity lift",
}  # fmt: skip


class Cell(NamedTuple):
    """One figure over the seeds; `best` of its column."""

    mean: float
    sd: float | None  # None of one seed
    best: bool

    def __str__(self) -> str:
        spread = "" if self.sd is None else f" ± {self.sd:.3f}"
        return f"{self.mean:.3f}{spread}"


class Line(NamedTuple):
    """One contestant."""

    model: str
    kind: str
    loss: str | None
    cells: list[Cell | None]
    seconds: float  # mean


class Table(NamedTuple):
    """One protocol, over all test sessions or the novel ones."""

    protocol: str
    part: str
    columns: list[str]  # as rows name them
    lines: list[Line]

    @property
    def headings(self) -> list[str]:
        """Columns as papers write them."""
        return [heading(column) for column in self.columns]


def heading(column: str) -> str:
    """Write a figure's name as papers do: novel_hit_rate@10 is HR@10."""
    name, at, k = column.removeprefix("novel_").partition("@")
    for prefix in ("heard_", "sampled_"):
        if name.startswith(prefix):
            return f"{heading(name.removeprefix(prefix) + at + k)} {prefix[:-1]}"
    return f"{NAMES[name]}{at}{k}"


def tables(suite: Suite, rows: Sequence[Mapping[str, Any]]) -> list[Table]:
    """Make a table for each protocol, and one more over the novel sessions where there are some."""
    found = []
    for protocol in suite.protocols:
        here = [row for row in rows if row["protocol"] == protocol]
        sampled = [name for k in (1, 10) if (name := f"sampled_hit_rate@{k}") in here[0]["metrics"]]
        found.append(_table(protocol, "all test sessions", [*suite.columns, *sampled], here))
        if "novel_targets" in here[0]["metrics"]:
            columns = [f"novel_{c}" for c in suite.columns if not c.startswith("heard_")]
            part = f"test sessions that share no run of {suite.shared_run} tracks with training"
            found.append(_table(protocol, part, columns, here))
    return found


def markdown(table: Table) -> list[str]:
    """Write a table as Markdown; the best of a column is bold, and no heading is left empty."""
    lines = [
        f"**{table.protocol}, {table.part}**",
        "",
        f"| model | {' | '.join(table.headings)} | seconds |",
        f"|---|{'---|' * (len(table.columns) + 1)}",
    ]
    for line in table.lines:
        cells = [_marked(cell) for cell in line.cells]
        lines.append(f"| {line.model} | {' | '.join(cells)} | {line.seconds:.1f} |")
    return lines


def _table(
    protocol: str, part: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> Table:
    columns = [c for c in columns if any(row["metrics"].get(c) is not None for row in rows)]
    names = list(dict.fromkeys(row["model"] for row in rows))
    figures = {name: [_figure(rows, name, column) for column in columns] for name in names}
    best = [
        max((figure[0] for cells in figures.values() if (figure := cells[i])), default=None)
        if not column.startswith(("popularity_lift", "novel_popularity_lift"))  # none is better
        else None
        for i, column in enumerate(columns)
    ]
    lines = []
    for name in names:
        own = [row for row in rows if row["model"] == name]
        cells = [
            None if figure is None else Cell(*figure, best=figure[0] == top)
            for figure, top in zip(figures[name], best, strict=True)
        ]
        seconds = statistics.fmean(row["seconds"] for row in own)
        lines.append(Line(name, own[0]["kind"], own[0]["loss"], cells, seconds))
    return Table(protocol, part, list(columns), lines)


def _figure(
    rows: Sequence[Mapping[str, Any]], name: str, column: str
) -> tuple[float, float | None] | None:
    mine = [row["metrics"].get(column) for row in rows if row["model"] == name]
    values = [value for value in mine if value is not None]
    if len(values) < len(mine):
        return None
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None


def _marked(cell: Cell | None) -> str:
    if cell is None:
        return "-"
    return f"**{cell}**" if cell.best else str(cell)
