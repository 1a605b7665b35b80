"""The table of what sizes cost."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

SECONDS = ("read", "build", "core", "split", "matrix", "embed")
STEPS = ("drawn step", "whole step")


def markdown(result: Mapping[str, Any]) -> str:
    """Write a column for each size."""
    rows = result["rows"]
    lines = [
        "# What a graph of playlists costs",
        "",
        f"Simulated playlists, one thread; `{' '.join(result['command'])}` at commit "
        f"{result['commit']}, {result['machine']['processor']}, {result['date'][:10]}. LightGCN, "
        f"{result['layers']} layers, width {result['width']}, batch {result['batch']}; drawn: "
        f"{list(result['fanouts'])} neighbours. Seconds; memory is the most that the process ever "
        "had.",
        "",
        "| million edges | " + " | ".join(f"{row['millions']:g}" for row in rows) + " |",
        "|" + "---|" * (len(rows) + 1),
        _line(
            f"{result['k']}-core: playlists, tracks, million edges",
            [
                f"{row['after']['playlists']:,}, {row['after']['tracks']:,}, "
                f"{row['after']['edges'] / 1e6:.2f}"
                for row in rows
            ],
        ),
    ]
    lines += [_line(name, [_seconds(row, name) for row in rows]) for name in (*SECONDS, *STEPS)]
    for name in STEPS:
        lines.append(_line(f"an epoch, {name}s, minutes", [_epoch(row, name) for row in rows]))
    lines.append(
        _line(
            "memory at most, GiB: built, trained over drawn neighbours, over the whole",
            [
                ", ".join(f"{row['stages'][name]['peak_gib']:.1f}" for name in ("build", *STEPS))
                for row in rows
            ],
        )
    )
    return "\n".join(lines) + "\n"


def _line(name: str, cells: list[str]) -> str:
    return f"| {name} | {' | '.join(cells)} |"


def _seconds(row: Mapping[str, Any], name: str) -> str:
    stage = row["stages"].get(name)
    if stage is None:
        return ""
    return f"{stage['seconds']:.{3 if name in STEPS else 1}f}"


def _epoch(row: Mapping[str, Any], name: str) -> str:
    steps = math.ceil(0.7 * row["after"]["edges"] / 2048)
    return f"{steps * row['stages'][name]['seconds'] / 60:.1f}"
