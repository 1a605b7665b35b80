"""The table of what sizes cost."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

SECONDS = ("read", "build", "core", "split", "matrix", "embed")


def markdown(result: Mapping[str, Any]) -> str:
    """Write a column for each size."""
    rows = result["rows"]
    lines = [
        "# What a graph of playlists costs",
        "",
        f"Simulated playlists, one thread; `{' '.join(result['command'])}` at commit "
        f"{result['commit']}, {result['machine']['processor']}, {result['date'][:10]}. LightGCN, "
        f"{result['layers']} layers, width {result['width']}. Seconds; memory is the most that the "
        "process ever had.",
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
    lines += [_line(name, [_seconds(row, name) for row in rows]) for name in SECONDS]
    for name, step in result["steps"].items():
        told = f"{name}, {step['batch']:,} pairs: a step; an epoch, minutes"
        lines.append(_line(told, [_step(row, name, step["batch"]) for row in rows]))
    for told, name in (("built", "build"), ("trained", list(result["steps"])[-1])):
        peaks = [f"{row['stages'][name]['peak_gib']:.1f}" for row in rows]
        lines.append(_line(f"memory at most, GiB: {told}", peaks))
    return "\n".join(lines) + "\n"


def _line(name: str, cells: list[str]) -> str:
    return f"| {name} | {' | '.join(cells)} |"


def _seconds(row: Mapping[str, Any], name: str) -> str:
    stage = row["stages"].get(name)
    return "" if stage is None else f"{stage['seconds']:.1f}"


def _step(row: Mapping[str, Any], name: str, batch: int) -> str:
    seconds = row["stages"][name]["seconds"]
    steps = math.ceil(0.7 * row["after"]["edges"] / batch)
    return f"{seconds:.3f}; {steps * seconds / 60:.1f}"
