"""The files of a map, and the numbers that stand beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .colouring import Colouring
from .music import Music
from .page import View, page
from .picture import scatter
from .points import Points
from .projection import NEAREST, Floats, Ints, nearest, projected, strangers

Shares = Mapping[str, float | None]


@dataclass(frozen=True)
class Drawn:
    """What was written, and what is near what in each view."""

    kind: str  # of a point: track, playlist or session
    files: list[Path]
    points: int
    views: dict[str, dict[str, float | None]]
    chance: dict[str, float | None] = field(default_factory=dict)


def write_map(
    out: Path,
    music: Music,
    points: Points,
    matrices: Mapping[str, Floats],
    colourings: Sequence[Colouring],
    shares: Callable[[Ints], Shares],
    *,
    rings: Sequence[int] = (),
    seed: int = 0,
    say: Callable[[str], None] = lambda line: None,
) -> Drawn:
    """Write map.html and its pictures: a view for each matrix (n, D), in the first colouring.

    `shares` says of pairs (n, k) how many are of a kind: of the nearest, and of any by chance.

    Raises:
        ValueError: there are too few points.
        ModuleNotFoundError: umap-learn or matplotlib is not installed.
    """
    n, kind = len(points.ids), points.kind
    views = []
    for name, matrix in matrices.items():
        say(f"bringing {n} {kind}s to 2-D and 3-D: {name}")
        views.append(View(name, projected(matrix, seed)))
    out.mkdir(parents=True, exist_ok=True)
    title = f"{kind.capitalize()}s of {music.name}{' (simulated)' if music.simulated else ''}"
    note = f"{n} {kind}s by UMAP; near in the picture is alike in the embedding."
    files = [out / "map.html", out / "map_2d.png", out / "map_3d.png"]
    files[0].write_text(page(title, note, points, views, colourings, rings), encoding="utf-8")
    say("drawing the pictures")
    scatter(files[1], views, colourings[0])
    scatter(files[2], views, colourings[0], deep=True)
    told = {
        view.name: {
            "trustworthiness_2d": view.projection.trustworthiness[0],
            "trustworthiness_3d": view.projection.trustworthiness[1],
            **shares(nearest(matrices[view.name])),
        }
        for view in views
    }
    return Drawn(kind, files, n, told, dict(shares(strangers(n, NEAREST, seed))))
