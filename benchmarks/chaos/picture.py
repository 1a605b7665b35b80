"""One picture: how long each event waited for its answer, with the faults drawn on it, as SVG.

Written by hand, so that it needs no library and shows anywhere. Pure: points and faults in, text
out. A point is the median of a moment, a bar reaches to its slowest event.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple

WIDTH, HEIGHT = 1200, 560
_LEFT, _RIGHT, _TOP, _ROW, _LABEL = 70, 20, 44, 15, 150
_LOWEST, _HIGHEST = 0.001, 100.0  # seconds, of the logarithmic axis
COLOURS = {
    "worker": "#d1495b", "broker": "#edae49", "link": "#00798c", "load": "#7b5ea7", "side": "#777",
    "learning": "#3f8f3f",
}  # fmt: skip


class Column(NamedTuple):
    """The events sent in one moment: when, and the median and the most of their latencies."""

    at: float
    median: float
    most: float


def columns(points: Sequence[tuple[float, float]], width: float = 0.5) -> list[Column]:
    """Gather (second, latency) points, in seconds, by moments of `width` seconds."""
    gathered: dict[int, list[float]] = {}
    for at, latency in points:
        gathered.setdefault(int(at // width), []).append(latency)
    return [
        Column((number + 0.5) * width, sorted(found)[len(found) // 2], max(found))
        for number, found in sorted(gathered.items())
    ]


def picture(
    points: Sequence[tuple[float, float]], faults: Sequence[dict[str, Any]], title: str
) -> str:
    """Draw a run.

    Args:
        points: when an event was sent and how long its answer took, in seconds from the start.
        faults: with `lane`, `kind`, `target`, `began` and `ended`, in seconds from the start.
        title: one line above it.
    """
    drawn = [fault for fault in faults if "began" in fault and "ended" in fault]
    end = max([at for at, _ in points] + [fault["ended"] for fault in drawn] + [1.0])
    rows = _rows(drawn)
    bottom = HEIGHT - 30
    top = _TOP + _ROW * (max(rows, default=-1) + 1) + 8

    def x(second: float) -> float:
        place: float = _LEFT + (WIDTH - _LEFT - _RIGHT) * second / end
        return round(place, 1)

    def y(seconds: float) -> float:
        share = math.log(min(max(seconds, _LOWEST), _HIGHEST) / _LOWEST)
        height: float = (bottom - top) * share / math.log(_HIGHEST / _LOWEST)
        return round(bottom - height, 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="sans-serif" font-size="11">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{_LEFT}" y="22" font-size="15">{escape(title)}</text>',
        f'<text x="{_LEFT}" y="37" fill="#555">event sent to answer acknowledged, seconds; '
        "line: median of each half second, bars: slowest event</text>",
    ]
    for fault, row in zip(drawn, rows, strict=True):
        begin, over = x(fault["began"]), x(fault["ended"])
        colour = COLOURS[fault["lane"]]
        wide, upper = round(max(1.0, over - begin), 1), _TOP + _ROW * row
        label = escape(f"{fault['kind']}: {fault['target']}")
        late = begin > WIDTH - _RIGHT - _LABEL  # it would end beyond the picture
        at, anchor = (over, "end") if late else (begin, "start")
        parts += [
            f'<rect x="{begin}" y="{upper}" width="{wide}" height="{bottom - upper}" '
            f'fill="{colour}" opacity="0.13"/>',
            f'<rect x="{begin}" y="{upper}" width="{wide}" height="3" fill="{colour}"/>',
            f'<text x="{at}" y="{upper + 12}" text-anchor="{anchor}" font-size="9">{label}</text>',
        ]
    exponent = round(math.log10(_LOWEST))
    while 10.0**exponent <= _HIGHEST:
        line_y = y(10.0**exponent)
        parts += [
            f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{line_y}" y2="{line_y}" stroke="#ddd"/>',
            f'<text x="{_LEFT - 6}" y="{line_y + 4}" text-anchor="end">{10.0**exponent:g} s</text>',
        ]
        exponent += 1
    step = next(s for s in (5, 10, 30, 60, 300, 600, 3600) if end / s <= 24 or s == 3600)
    for second in range(0, int(end) + 1, step):
        parts.append(
            f'<text x="{x(second)}" y="{bottom + 16}" text-anchor="middle">{second} s</text>'
        )
    gathered = columns(points)
    bars = "".join(f"M{x(c.at)} {y(c.median)}V{y(c.most)}" for c in gathered)
    line = " ".join(f"{x(c.at)},{y(c.median)}" for c in gathered)
    parts += [
        f'<path d="{bars}" stroke="#8aa" stroke-width="1" fill="none"/>',
        f'<polyline points="{line}" stroke="#123" stroke-width="1.5" fill="none"/>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _rows(faults: Sequence[dict[str, Any]]) -> list[int]:
    """A row for each fault's label, so that those of neighbours do not cover each other."""
    return [number % 6 for number in range(len(faults))]
