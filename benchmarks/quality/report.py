"""What a run of a suite leaves behind: JSON, Markdown, a page and a picture, side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import write_text

from .curves import picture, rendered
from .outcome import Outcome
from .page import page
from .suite import Suite
from .tables import Table, markdown, tables

_LISTS = ("rows", "comparisons", "curves")  # one element a line


def write_report(
    out: Path, suite: Suite, result: Mapping[str, Any], outcomes: Sequence[Outcome]
) -> str:
    """Write `out` (.json) and, beside it, .md, .html and .png; give the Markdown."""
    found = tables(suite, result["rows"])
    note = _note(result)
    text = "\n".join(_markdown(suite, result, found, note)) + "\n"
    drawn = picture(suite.title, outcomes, found[0])
    svg = rendered(drawn, "svg").decode()
    write_text(out, _json(result))
    write_text(out.with_suffix(".md"), text)
    write_text(out.with_suffix(".html"), page(suite.title, note, found, result["comparisons"], svg))
    out.with_suffix(".png").write_bytes(rendered(drawn, "png"))
    return text


def _note(result: Mapping[str, Any]) -> str:
    data = result["data"]
    simulated = ", simulated listeners" if data["simulated"] else ""
    quick = " A quick look, on less data and with fewer epochs: no figure to quote." if result[
        "quick"
    ] else ""  # fmt: skip
    return (
        f"{' '.join(result['command'])} at commit {', '.join(result['commits'])}, "
        f"{result['machine']['processor']}, {result['date'][:10]}; data {data['name']}{simulated}, "
        f"sha256 {data['sha256'][:12]}; seeds {', '.join(map(str, result['seeds']))}. Full ranking "
        f"unless a heading says sampled; ties count against the model.{quick}"
    )


def _markdown(
    suite: Suite, result: Mapping[str, Any], found: Sequence[Table], note: str
) -> list[str]:
    lines = [f"# {suite.title}", "", note]
    for table in found:
        lines += ["", *markdown(table)]
    lines += ["", "**Differences** (95 % bootstrap intervals over sessions, seeds pooled)", ""]
    shown = suite.columns[:2]
    best = {name: _best_baseline(found[0], name) for name in shown}
    for row in result["comparisons"]:
        if (
            row["protocol"] == suite.protocols[0]
            and row["metric"] in shown
            and row["b"] in (best[row["metric"]], *(entry.name for entry in suite.models))
        ):
            low, high = row["interval95"]
            lines.append(
                f"- {row['a']} over {row['b']}: {row['metric']} {row['difference']:+.4f} "
                f"[{low:+.4f}, {high:+.4f}]"
            )
    return lines


def _best_baseline(table: Table, column: str) -> str | None:
    place = table.columns.index(column)
    known = [
        (cell.mean, line.model)
        for line in table.lines
        if line.kind == "baseline" and (cell := line.cells[place])
    ]
    return max(known)[1] if known else None


def _json(result: Mapping[str, Any]) -> str:
    """Write it with each element of a long list on a line: short, and easy to compare."""
    brief = {name: value for name, value in result.items() if name not in _LISTS}
    parts = [json.dumps(brief, indent=2, allow_nan=False).removesuffix("\n}")]
    for name in _LISTS:
        elements = ",\n    ".join(
            json.dumps(each, allow_nan=False, separators=(",", ":")) for each in result[name]
        )
        parts.append(f'  "{name}": [\n    {elements}\n  ]' if elements else f'  "{name}": []')
    return ",\n".join(parts) + "\n}\n"


def _line(element: Mapping[str, Any]) -> str:
    return json.dumps(element, allow_nan=False, separators=(",", ":"))
