"""The frozen map of one bundle: track_id (outside, text) <-> item (inside, 1..N; 0 pads).

Not a store of tracks: a catalog never changes; a new bundle brings a new one.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

_SCHEMA = {"track_id": pl.String, "item": pl.Int32, "count": pl.Int64, "title": pl.String}


@dataclass(frozen=True)
class Catalog:
    """Tracks in item order, with how often each was played in training.

    Raises:
        ValueError: no tracks, an empty or repeated track_id, a negative count, or lengths differ.
    """

    track_ids: tuple[str, ...]  # item i is track_ids[i - 1]
    counts: tuple[int, ...]  # plays in training, in the same order
    titles: tuple[str | None, ...] = ()  # for people; empty when none is known

    def __post_init__(self) -> None:
        object.__setattr__(self, "track_ids", tuple(self.track_ids))
        object.__setattr__(self, "counts", tuple(int(count) for count in self.counts))
        object.__setattr__(self, "titles", tuple(self.titles))
        size = len(self.track_ids)
        if not size:
            raise ValueError("catalog has no tracks, expected at least one")
        if len(self.counts) != size:
            raise ValueError(
                f"catalog has {size} tracks and {len(self.counts)} counts, expected one count a "
                "track (leave out the count of item 0, the padding)"
            )
        if self.titles and len(self.titles) != size:
            raise ValueError(f"catalog has {size} tracks and {len(self.titles)} titles")
        if len(self.index) != size or "" in self.index:
            raise ValueError("catalog has an empty or a repeated track_id, expected each once")
        if min(self.counts) < 0:
            raise ValueError(f"catalog has a count of {min(self.counts)}, expected 0 or more")

    def __len__(self) -> int:
        return len(self.track_ids)

    @cached_property
    def index(self) -> dict[str, int]:
        """Item of each track_id."""
        return {track_id: item for item, track_id in enumerate(self.track_ids, start=1)}

    def item(self, track_id: str) -> int:
        """Give the item of a track, 0 if the catalog does not know it."""
        return self.index.get(track_id, 0)

    @cached_property
    def popular(self) -> tuple[int, ...]:
        """All items, most played first, ties by item."""
        order = sorted(range(len(self)), key=lambda row: -self.counts[row])
        return tuple(row + 1 for row in order)

    @cached_property
    def _ranks(self) -> dict[int, int]:
        return {item: rank for rank, item in enumerate(self.popular, start=1)}

    def popularity_rank(self, item: int) -> int:
        """Give the 1-based rank of an item in `popular`; KeyError if it is not in the catalog."""
        return self._ranks[item]

    def to_parquet(self) -> bytes:
        """Give `catalog.parquet`: track_id, item, count, title."""
        frame = pl.DataFrame(
            {
                "track_id": self.track_ids,
                "item": range(1, len(self) + 1),
                "count": self.counts,
                "title": self.titles or [None] * len(self),
            },
            schema=_SCHEMA,
        )
        file = io.BytesIO()
        frame.write_parquet(file)
        return file.getvalue()

    @classmethod
    def from_parquet(cls, raw: bytes) -> Catalog:
        """Read `catalog.parquet`.

        Raises:
            ValueError: not such a table, or its items are not 1..N in order.
        """
        frame = read_table("catalog.parquet", raw, _SCHEMA)
        if frame["item"].to_list() != list(range(1, len(frame) + 1)):
            raise ValueError(f"catalog.parquet: items are not 1..{len(frame)} in order")
        titles: Sequence[str | None] = frame["title"].to_list()
        return cls(
            track_ids=tuple(frame["track_id"]),
            counts=tuple(frame["count"]),
            titles=tuple(titles) if any(titles) else (),
        )


def read_table(name: str, raw: bytes, *schemas: Mapping[str, type[pl.DataType]]) -> pl.DataFrame:
    """Read Parquet bytes that must hold exactly the columns of one of the schemas.

    Raises:
        ValueError: not Parquet, or other columns or types.
    """
    try:
        frame = pl.read_parquet(io.BytesIO(raw))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as err:
        raise ValueError(f"{name} cannot be read as Parquet: {err}") from err
    if dict(frame.schema) not in [dict(schema) for schema in schemas]:
        expected = " or ".join(map(str, schemas))
        raise ValueError(f"{name} has columns {dict(frame.schema)}, expected {expected}")
    if any(frame[column].null_count() for column in frame.columns if column != "title"):
        raise ValueError(f"{name} has a missing value, expected none outside `title`")
    return frame
