"""The Markdown of a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_PROTOCOLS = {
    "sampled": "among 99 items that the user does not have",
    "new": "among all items that the user does not have",
    "every": "among all items",
}


def markdown(result: Mapping[str, Any]) -> str:
    """Write everything a report says."""
    data = result["data"]
    lines = [
        f"# Factorisation machines: {data['name']}",
        "",
        f"{' '.join(result['command'])} at commit {result['commit']}, "
        f"{result['machine']['processor']}, {result['date'][:10]}; seeds "
        f"{', '.join(map(str, result['seeds']))}. {result['note']}",
    ]
    for form in result["forms"]:
        lines += ["", *_form(form)]
    return "\n".join(lines) + "\n"


def _form(form: Mapping[str, Any]) -> list[str]:
    sizes = form["sizes"]
    lines = [
        f"## {form['name']}",
        "",
        f"{sizes['users']:,} users, {sizes['items']:,} items, {sizes['rows']:,} rows, "
        f"{sizes['asked']:,} asked about {form['asked']}; fingerprint {form['fingerprint']}.",
    ]
    for table in dict.fromkeys(row["table"] for row in form["rows"]):
        rows = [row for row in form["rows"] if row["table"] == table]
        lines += ["", f"**{table}** ({_PROTOCOLS[form['protocol']]}; published | ours)", "",
                  "| row | by | HR@10 | | NDCG@10 | | COV@10 | | ours is | differs |",
                  "|---|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
        lines += [_row(row) for row in rows]
    lines += ["", "**All entries, all protocols** (HR@10 / NDCG@10)", "",
              "| entry | sampled | new | all | COV@10 sampled | COV@10 new | seconds |",
              "|---|---|---|---|---|---|---|"]  # fmt: skip
    lines += [_system(name, found) for name, found in form["entries"].items()]
    lines += ["", "**Differences** (95 % bootstrap intervals over users, seeds pooled)", ""]
    lines += [_difference(each) for each in form["comparisons"]]
    return lines


def _row(row: Mapping[str, Any]) -> str:
    cells = [row["name"], row["by"]]
    for key in ("hit_rate@10", "ndcg@10", "coverage@10"):
        theirs, ours = row["published"][key], row["ours"] and row["ours"][key]
        cells += ["" if theirs is None else f"{theirs:.4f}", _figure(ours) if ours else "-"]
    return f"| {' | '.join([*cells, row['entry'] or '-', row['differs']])} |"


def _system(name: str, found: Mapping[str, Any]) -> str:
    cells = [name]
    for protocol in _PROTOCOLS:
        hit, gain = (found[f"{protocol}_{key}@10"] for key in ("hit_rate", "ndcg"))
        cells.append(f"{_figure(hit)} / {_figure(gain)}")
    cells += [_figure(found[f"{protocol}_coverage@10"]) for protocol in ("sampled", "new")]
    return f"| {' | '.join([*cells, str(found['seconds'])])} |"


def _figure(spread: Mapping[str, float | None]) -> str:
    deviation = spread["sd"]
    return f"{spread['mean']:.4f}" + ("" if deviation is None else f" ± {deviation:.4f}")


def _difference(each: Mapping[str, Any]) -> str:
    low, high = each["interval95"]
    told = "" if low > 0 or high < 0 else ", not told apart"
    return (
        f"- {each['a']} over {each['b']}: {each['metric']} {each['difference']:+.4f} "
        f"[{low:+.4f}, {high:+.4f}]{told}"
    )
