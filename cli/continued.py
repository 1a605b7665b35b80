"""`segue recommend --playlist`: what would follow a playlist, from a graph network."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import typer


def recommend_continuation(model: Path, playlist: Path, top: int, *, as_json: bool) -> None:
    """Continue the playlist that a text file names, and say which of its tracks are not known."""
    from models.data.names import shown
    from models.graphs.continuation import continue_playlist
    from models.graphs.folder import load_graph

    try:
        given = playlist.read_text(encoding="utf-8-sig").split()
    except UnicodeDecodeError as err:
        raise ValueError(f"{playlist} is not UTF-8 ({err}): expected track ids") from err
    if not given:
        raise ValueError(f"{playlist} names no track: expected track ids, spaces or lines between")
    found = continue_playlist(load_graph(model), given, top)
    if found.unknown:
        some = ", ".join(found.unknown[:5]) + (", …" if len(found.unknown) > 5 else "")
        typer.echo(f"{len(found.unknown)} tracks are not known and left out: {some}", err=True)
    if as_json:
        items = [asdict(track) for track in found.tracks]
        typer.echo(json.dumps({"unknown": found.unknown, "items": items}))
        return
    for track in found.tracks:
        typer.echo(f"{track.rank:>3}  {shown((track.track_id, track.title, track.artist))}")
