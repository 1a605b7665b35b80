"""What tracks are called, where a data set says so, and how to find one by it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

_SUGGESTED = 5


def names(frame: pl.DataFrame, track_ids: Sequence[str]) -> pl.DataFrame:
    """Title and artist of each track, (N,) of track_id, title, artist; null where not known."""
    given = [name for name in ("title", "artist") if name in frame.columns]
    known = frame.select("track_id", *given).unique("track_id", keep="first")
    missing = [pl.lit(None, pl.String).alias(n) for n in ("title", "artist") if n not in given]
    return (
        pl.DataFrame({"track_id": list(track_ids)}, schema={"track_id": pl.String})
        .join(known, on="track_id", how="left", maintain_order="left")
        .with_columns(missing)
        .select("track_id", "title", "artist")
    )


def shown(name: tuple[str, str | None, str | None]) -> str:
    """Write (track_id, title, artist) for a person: the title where there is one."""
    track_id, title, artist = name
    if not title:
        return track_id
    return f"{title} - {artist}" if artist else title


@dataclass(frozen=True)
class Index:
    """Finds tracks by what a person types; the catalog's order decides between equals."""

    catalog: pl.DataFrame

    def rows(self, texts: Sequence[str]) -> dict[str, list[int]]:
        """Find each of several; see `find`."""
        return {text: self.find(text) for text in texts}

    def find(self, text: str) -> list[int]:
        """Rows of the catalog: a track_id, a title (the year may be left out), or all of an artist.

        A part of one title alone is enough.

        Raises:
            ValueError: nothing fits, or parts of several titles do; it says which come close.
        """
        wanted = _plain(text)
        if not wanted:
            raise ValueError("a track is named by nothing: give a title, an artist or a track id")
        ids = self.catalog["track_id"].to_list()
        if text in ids:
            return [ids.index(text)]
        titles = [_plain(title or "") for title in self.catalog["title"].to_list()]
        bare = [re.sub(r" \(\d{4}\)$", "", title) for title in titles]
        for column in (titles, bare):
            if wanted in column:
                return [column.index(wanted)]
        artists = [_plain(artist or "") for artist in self.catalog["artist"].to_list()]
        if wanted in artists:
            return [row for row, artist in enumerate(artists) if artist == wanted]
        within = [row for row, title in enumerate(titles) if wanted in title]
        if len(within) == 1:
            return within
        near = [shown(self.catalog.row(row)) for row in within[:_SUGGESTED]]
        near = near or self._near(wanted, bare, titles, artists)
        hint = f"; close to it: {', '.join(near)}" if near else ""
        known = "titles, artists or track ids" if any(titles) else "track ids (it has no titles)"
        what = "several tracks fit" if within else "no track fits"
        raise ValueError(f"{what} {text!r}{hint}. Give {known} of the data")

    def _near(self, wanted: str, *columns: list[str]) -> list[str]:
        found: dict[str, None] = {}
        for number, column in enumerate(columns):
            for close in difflib.get_close_matches(wanted, column, n=3, cutoff=0.6):
                row = self.catalog.row(column.index(close))
                found[row[2] if number == 2 else shown(row)] = None
        return list(found)[:_SUGGESTED]


def _plain(text: str) -> str:
    """Without case, and an article that stands at the end in front: "Wild Bunch, The"."""
    folded = " ".join(text.casefold().split())
    return re.sub(r"^(.*), (the|a|an)( \(\d{4}\))?$", r"\2 \1\3", folded)
