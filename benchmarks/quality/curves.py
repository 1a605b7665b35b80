"""One picture of a suite: loss and validation figure by epoch, and where everyone ends on test.

Drawn by matplotlib, once, and written as PNG and as SVG: so the page needs no other file, and a
document that cannot show SVG has the same picture.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .outcome import Outcome
from .tables import Table, heading

_BASELINE = "#777777"
_COLOURS = (
    "#1b6ca8", "#d1495b", "#2e8b57", "#e08e0b", "#7b5ea7", "#0f8b8d", "#a0522d", "#c2185b",
    "#5c7c2f", "#3f51b5",
)  # fmt: skip
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "segue",  # the same run gives the same bytes
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "axes.axisbelow": True,
}


def picture(title: str, outcomes: Sequence[Outcome], table: Table) -> Figure:
    """Draw a suite; `table` is its first one, and its first two columns are shown."""
    models = list(dict.fromkeys(o.model for o in outcomes if o.kind == "model"))
    colours = {model: _COLOURS[i % len(_COLOURS)] for i, model in enumerate(models)}
    with mpl.rc_context(_STYLE):
        height = 0.24 * len(table.lines)
        figure = Figure(figsize=(11, 5.2 + height), layout="constrained")
        figure.suptitle(title, fontsize=12)
        grid = figure.add_gridspec(2, 2, height_ratios=[3.6, 1.2 + height])
        losses, validation = (figure.add_subplot(grid[0, column]) for column in range(2))
        for axes, name in ((losses, "losses"), (validation, "valid")):
            for outcome in outcomes:
                values = getattr(outcome, name)
                epochs = range(1, len(values) + 1)
                colour = colours.get(outcome.model, _BASELINE)
                axes.plot(epochs, values, color=colour, linewidth=1.2, marker=".", markersize=3)
            axes.set_xlabel("epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        losses.set_title("training loss, a line for each seed (losses of two kinds do not compare)",
                         fontsize=9)  # fmt: skip
        validation.set_title("validation figure that chooses the epoch", fontsize=9)
        handles = [losses.plot([], [], color=colours[model], label=model)[0] for model in models]
        if handles:
            losses.legend(handles=handles, fontsize=8, frameon=False)
        for column in range(min(2, len(table.columns))):
            _places(figure.add_subplot(grid[1, column]), table, column, colours)
        figure.draw_without_rendering()  # the style is this block's: settle everything inside it
    return figure


def rendered(figure: Figure, form: str) -> bytes:
    """Write the picture as `png` or `svg`, without a date."""
    file = io.BytesIO()
    with mpl.rc_context(_STYLE):
        metadata = {"Date": None} if form == "svg" else {"Software": None}
        figure.savefig(file, format=form, dpi=110, metadata=metadata)
    return file.getvalue()


def _places(axes: Axes, table: Table, column: int, colours: dict[str, str]) -> None:
    """Show one column as points, with the standard deviation over the seeds."""
    for place, line in enumerate(table.lines):
        cell = line.cells[column]
        if cell is not None:
            axes.errorbar(
                cell.mean, place, xerr=cell.sd or 0, fmt="o", markersize=4, elinewidth=1.2,
                color=colours.get(line.model, _BASELINE),
            )  # fmt: skip
    axes.margins(y=0.08)
    axes.invert_yaxis()
    axes.set_yticks(range(len(table.lines)), [line.model for line in table.lines])
    axes.set_title(f"test {heading(table.columns[column])}, {table.protocol}: mean and standard "
                   "deviation", fontsize=9)  # fmt: skip
