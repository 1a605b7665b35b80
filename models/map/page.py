"""The page of a map: page.html with its data in it, and nothing to load from anywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .colouring import RAMP, Colouring
from .points import Points
from .projection import Projection

_TEMPLATE = Path(__file__).with_name("page.html")
_DIGITS = 4


@dataclass(frozen=True)
class View:
    """One way that the same points are embedded."""

    name: str
    projection: Projection


def page(
    title: str,
    note: str,
    points: Points,
    views: Sequence[View],
    colourings: Sequence[Colouring],
    rings: Sequence[int] = (),
) -> str:
    """Write the page; `rings` are the places of points that are ringed."""
    data = {
        "kind": points.kind,
        "ids": list(points.ids),
        "titles": list(points.titles),
        "artists": list(points.artists),
        "remarks": list(points.remarks),
        "views": [_view(view) for view in views],
        "colourings": [_colouring(colouring) for colouring in colourings],
        "rings": list(rings),
    }
    # `<` would end the script that holds it, in a title such as </script>.
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
    whole = _TEMPLATE.read_text(encoding="utf-8")
    # Data last: a track may be called __NOTE__.
    for name, value in {"TITLE": escape(title), "NOTE": escape(note), "DATA": text}.items():
        whole = whole.replace(f"__{name}__", value)
    return whole


def _view(view: View) -> Mapping[str, Any]:
    found = view.projection
    return {
        "name": view.name,
        "flat": _numbers(found.flat),
        "deep": _numbers(found.deep),
        "trustworthiness": list(found.trustworthiness),
    }


def _numbers(points: NDArray[np.float32]) -> list[float]:
    return np.round(points.astype(np.float64), _DIGITS).ravel().tolist()


def _colouring(colouring: Colouring) -> Mapping[str, Any]:
    found: dict[str, Any] = {"name": colouring.name, "groups": list(colouring.groups)}
    if colouring.ends is not None:
        return found | {"ramp": list(RAMP), "ends": list(colouring.ends)}
    found["legend"] = [
        {"label": label, "colour": colour, "count": colouring.groups.count(group)}
        for group, (label, colour) in enumerate(
            zip(colouring.labels, colouring.colours, strict=False)
        )
    ]
    return found
