"""The table as Markdown, the paper's figures beside ours, and whether the order is theirs."""

from __future__ import annotations

from itertools import combinations
from typing import Any

SHOWN = {"recall@20": "Recall@20", "mrr@20": "MRR@20"}


def markdown(result: dict[str, Any]) -> str:
    """Write the result as a table with what it rests on."""
    sessions, parts = result["sessions"], result["rows"][0]["subsamples"]
    lines = [
        f"`{' '.join(result['command'])}` at commit {result['commit']}, "
        f"{result['machine']['processor']}, {result['date'][:10]}; data {result['data']['name']}, "
        f"{sessions['train']} training sessions, {result['tracks']} tracks, seed {result['seed']}. "
        "Ours: next track at all positions, full ranking; mean ± standard deviation over "
        f"{parts['count']} disjoint subsamples of {parts['sessions']} test sessions. Content "
        "features are **simulated** (random projections of what was played near in training, and "
        "noise). Theirs: 1/330 of MSSD, 365,448 sessions, 505,195 tracks.",
        "",
        "| model | Recall@20 | MRR@20 | paper: Recall@20 | MRR@20 | rate, batch, L2 |",
        "|---|---|---|---|---|---|",
    ]
    for row in result["rows"]:
        ours = [f"{row['subsamples'][n]['mean']:.4f} ± {row['subsamples'][n]['sd']:.4f}"
                for n in SHOWN]  # fmt: skip
        theirs = [f"{row['paper'][n]:.4f}" for n in SHOWN]
        how = f"{row['rate']}, {row['batch']}, {row['penalty']}" if "rate" in row else "-"
        lines.append(f"| {row['name']} | {' | '.join([*ours, *theirs, how])} |")
    agreed, pairs = agreement(result["rows"])
    lines += [
        "",
        f"Of {pairs} pairs of rows, {agreed} are in the paper's order by Recall@20.",
        "",
        "| loss | rate | batch | L2 | validation MRR@20 after one epoch |",
        "|---|---|---|---|---|",
        *(
            f"| {tried['loss']} | {tried['rate']} | {tried['batch']} | {tried['penalty']} | "
            f"{tried['valid_mrr@20']:.4f} |"
            for tried in result["grid"]
        ),
    ]
    return "\n".join(lines) + "\n"


def agreement(rows: list[dict[str, Any]]) -> tuple[int, int]:
    """Count the pairs of rows that Recall@20 orders as the paper's does, and those it orders."""
    agreed = pairs = 0
    for a, b in combinations(rows, 2):
        theirs = a["paper"]["recall@20"] - b["paper"]["recall@20"]
        ours = a["test"]["recall@20"] - b["test"]["recall@20"]
        if theirs:
            pairs += 1
            agreed += theirs * ours > 0
    return agreed, pairs
