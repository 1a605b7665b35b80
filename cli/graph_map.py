"""`segue graph map`: a network's playlists as a page and pictures to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .eval import AsJson
from .graph_asking import Model


def playlists(
    model: Model,
    out: Annotated[Path, typer.Option(help="The folder for map.html and the pictures.")],
    before: Annotated[
        list[Path] | None,
        typer.Option(
            exists=True,
            help="A network of the same playlists, shown before it; may be given again.",
        ),
    ] = None,
    artist: Annotated[
        list[str] | None,
        typer.Option(help="Pick out the playlists that feature an artist; may be given again."),
    ] = None,
    playlist: Annotated[
        str | None, typer.Option(help="Id of a playlist or session that is ringed.")
    ] = None,
    most: Annotated[int, typer.Option(min=2, help="Playlists at most.")] = 4000,
    seed: Annotated[int, typer.Option(help="Of UMAP, and of the playlists drawn.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Draw a network's playlists in 2-D and 3-D: one page that needs no network, and PNG."""
    from models.graphs.folder import load_graph
    from models.graphs.items import embedded_nodes
    from models.map.draw import Wanted
    from models.map.music import music_of
    from models.map.playlists import draw_playlists

    from .map_shown import drawn_or_exit, say, show_drawn, view_names

    folders = [*(before or ()), model]
    names = view_names(folders[:-1], model)
    trained = {name: load_graph(folder) for name, folder in zip(names, folders, strict=True)}
    last = trained[names[-1]]
    ids = last.playlists.playlist_ids
    for folder, network in zip(folders, trained.values(), strict=True):
        if network.playlists.playlist_ids != ids:
            raise ValueError(
                f"{folder} has other playlists than {model}: train both on the same data, with the "
                "same --k-core"
            )
    matrices = {name: embedded_nodes(t)[: len(ids)].numpy() for name, t in trained.items()}
    music = music_of(last)
    wanted = Wanted(most=most, artists=tuple(artist or ()), playlist=playlist, seed=seed)

    drawn = drawn_or_exit(lambda: draw_playlists(matrices, music, out, wanted=wanted, say=say))
    show_drawn(drawn, music, as_json)
