"""The pictures of a map, by matplotlib, which is imported when one is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .colouring import Colouring
from .page import View
from .projection import Floats

_FAINT = "#b3bac5"
_LONGEST = 28  # letters of a label


def scatter(path: Path, views: Sequence[View], colouring: Colouring, *, deep: bool = False) -> None:
    """Write a PNG with a panel for each view, in 2-D or 3-D."""
    figure = _figure(7.2 * len(views), 7)
    for number, view in enumerate(views, start=1):
        points = view.projection.deep if deep else view.projection.flat
        kind: dict[str, Any] = {"projection": "3d"} if deep else {}
        axes = figure.add_subplot(1, len(views), number, **kind)
        _panel(axes, points, colouring, size=float(np.clip(16_000 / len(points), 5, 40)))
        if deep:
            axes.set(zticks=[], box_aspect=(1, 1, 1))
        trust = view.projection.trustworthiness[1 if deep else 0]
        axes.set_title(f"{view.name} (trustworthiness {trust:.2f})", fontsize=11)
    _finish(figure, path, colouring)


def named_groups(
    path: Path, title: str, points: Floats, colouring: Colouring, labels: Sequence[str]
) -> None:
    """Write a PNG of a few tracks (n, 2) with their names, where one does not cover another."""
    figure = _figure(11, 9)
    axes = figure.add_subplot()
    _panel(axes, points, colouring, size=26)
    axes.set_title(title, fontsize=12)
    axes.margins(0.12)
    figure.draw_without_rendering()  # the layout must stand before a label's place can be told
    taken: list[Any] = []
    for label, point in zip(labels, points, strict=True):
        text = label if len(label) <= _LONGEST else label[: _LONGEST - 1] + "…"
        written = axes.annotate(
            text, point, xytext=(4, 3), textcoords="offset points", fontsize=7, clip_on=True
        )
        box = written.get_window_extent()
        if any(box.overlaps(other) for other in taken):
            written.remove()
        else:
            taken.append(box)
    _finish(figure, path, colouring)


def _figure(width: float, height: float) -> Any:  # noqa: ANN401 - matplotlib's
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _panel(axes: Any, points: Floats, colouring: Colouring, size: float) -> None:  # noqa: ANN401
    axes.set(xticks=[], yticks=[])
    groups = np.array(colouring.groups)
    plain: dict[str, Any] = {"linewidths": 0, "alpha": 0.85}
    if points.shape[1] == 2:
        axes.set_aspect("equal", adjustable="datalim")
    else:
        plain["depthshade"] = False
    others = groups < 0
    if others.any():
        axes.scatter(*points[others].T, s=size * 0.6, color=_FAINT, **plain)
    if colouring.ends is not None:
        axes.scatter(*points.T, s=size, color=np.array(colouring.colours)[groups], **plain)
        return
    for group, (label, colour) in enumerate(zip(colouring.labels, colouring.colours, strict=False)):
        axes.scatter(*points[groups == group].T, s=size * 1.5, color=colour, label=label, **plain)


def _finish(figure: Any, path: Path, colouring: Colouring) -> None:  # noqa: ANN401
    if colouring.ends is None:
        handles, names = figure.axes[0].get_legend_handles_labels()
        where = "outside lower center"
        figure.legend(
            handles, names, loc=where, ncols=4, fontsize=9, frameon=False, markerscale=1.6
        )
    figure.savefig(path, dpi=130)
