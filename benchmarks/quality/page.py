"""One page that shows a suite by itself: tables, picture and differences, nothing to load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from .tables import Cell, Table, heading

_STYLE = """
:root { color-scheme: light }
body { font: 15px/1.5 system-ui, sans-serif; color: #1d2129; background: #fff;
       max-width: 1500px; margin: 2rem auto; padding: 0 1.2rem }
h1 { font-size: 1.5rem; margin: 0 0 .3rem } h2 { font-size: 1.1rem; margin: 2.2rem 0 .2rem }
p { margin: .3rem 0 } .note { color: #5a6270; font-size: .9rem }
.scroll { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .6rem 0 }
th, td { padding: .28rem .6rem; text-align: right; white-space: nowrap }
th:first-child, td:first-child { text-align: left; padding-left: .2rem }
thead th { border-bottom: 2px solid #1d2129; font-weight: 600; font-size: .88rem }
tbody tr { border-bottom: 1px solid #e7e9ed } tr.first-model { border-top: 2px solid #b9bfc9 }
tr.baseline td:first-child { color: #5a6270 }
td.best { font-weight: 700; background: #eaf4ea } small { color: #7a828f; font-weight: 400 }
td.above { color: #17692f } td.below { color: #a3231f }
svg { width: 100%; max-width: 1180px; height: auto } summary { cursor: pointer; margin-top: .6rem }
"""


def page(
    title: str,
    note: str,
    tables: Sequence[Table],
    differences: Sequence[Mapping[str, Any]],
    svg: str,
) -> str:
    """Write the page; `svg` is a whole SVG document."""
    drawn = svg[svg.index("<svg") :]
    parts = [
        "<!doctype html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<style>{_STYLE}</style></head><body>",
        f'<h1>{escape(title)}</h1><p class="note">{escape(note)}</p>',
        drawn,
        *(_table(table) for table in tables),
        _differences(differences),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _table(table: Table) -> str:
    headings = "".join(f"<th>{escape(name)}</th>" for name in table.headings)
    models = [line.model for line in table.lines if line.kind == "model"]
    rows = []
    for line in table.lines:
        kind = line.kind + (" first-model" if line.model == next(iter(models), None) else "")
        cells = "".join(map(_cell, line.cells))
        rows.append(
            f'<tr class="{kind}"><td>{escape(line.model)}</td>{cells}'
            f"<td>{line.seconds:.1f}</td></tr>"
        )
    return (
        f'<h2>{escape(table.protocol)}</h2><p class="note">{escape(table.part)}</p>'
        f'<div class="scroll"><table><thead><tr><th>model</th>{headings}<th>seconds</th></tr>'
        f"</thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return "<td>–</td>"
    spread = "" if cell.sd is None else f" <small>± {cell.sd:.3f}</small>"
    best = ' class="best"' if cell.best else ""
    return f"<td{best}>{cell.mean:.3f}{spread}</td>"


def _differences(differences: Sequence[Mapping[str, Any]]) -> str:
    """Fold the differences away, by protocol and figure."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for found in differences:
        groups.setdefault((found["protocol"], found["metric"]), []).append(found)
    parts = [
        "<h2>Differences</h2>",
        '<p class="note">Mean difference with its 95 % interval (paired bootstrap over sessions, '
        "seeds pooled). Coloured where the interval leaves 0 out.</p>",
    ]
    for (protocol, metric), group in groups.items():
        part = " (novel sessions)" if metric.startswith("novel_") else ""
        rows = "".join(_difference(found) for found in group)
        parts.append(
            f"<details><summary>{escape(f'{protocol}: {heading(metric)}{part}')}</summary>"
            "<table><thead><tr><th>model</th><th>against</th><th>difference</th>"
            f"<th>95 % interval</th></tr></thead><tbody>{rows}</tbody></table></details>"
        )
    return "\n".join(parts)


def _difference(found: Mapping[str, Any]) -> str:
    low, high = found["interval95"]
    side = "above" if low > 0 else "below" if high < 0 else ""
    return (
        f"<tr><td>{escape(found['a'])}</td><td>{escape(found['b'])}</td>"
        f'<td class="{side}">{found["difference"]:+.4f}</td>'
        f"<td>{low:+.4f} to {high:+.4f}</td></tr>"
    )
