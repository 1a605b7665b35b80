"""A trained factorisation machine on disk: embeddings, catalog with titles, and what it is.

A directory of `machine.safetensors`, `catalog.parquet` and `machine.json`, written under another
name and renamed. No pickle. It is no bundle: nothing serves it; `segue recommend --like` reads it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from ..whole import refuse_other, whole_folder
from .scoring import FmScorer

WEIGHTS, CATALOG, ABOUT = "machine.safetensors", "catalog.parquet", "machine.json"


@dataclass(frozen=True, eq=False)
class Machine:
    """What can be asked: by rows of features, in the order of `fields`."""

    scorer: FmScorer
    fields: tuple[str, ...]
    catalog: pl.DataFrame  # (N,) track_id, title, artist; the last two null where not known
    about: dict[str, Any]  # data, settings, figures, and where and when it was made

    def write(self, out: Path) -> None:
        """Write the directory; one that holds a machine is replaced.

        Raises:
            ValueError: something else is there.
        """
        refuse_other(out, ABOUT, "holds no machine")
        with whole_folder(out) as fresh:
            save_file(vars(self.scorer), fresh / WEIGHTS)
            self.catalog.write_parquet(fresh / CATALOG)
            told = {"fields": list(self.fields), **self.about}
            (fresh / ABOUT).write_bytes(msgspec.json.format(msgspec.json.encode(told)) + b"\n")

    @classmethod
    def read(cls, directory: Path) -> Machine:
        """Read it.

        Raises:
            ValueError: it is not there, or is not whole.
        """
        if not (directory / ABOUT).is_file():
            raise ValueError(
                f"{directory} holds no factorisation machine: expected {ABOUT} in it "
                "(make one with `segue fm train --out DIR`)"
            )
        try:
            about = msgspec.json.decode((directory / ABOUT).read_bytes())
            scorer = FmScorer(**load_file(directory / WEIGHTS))
            catalog = pl.read_parquet(directory / CATALOG)
            fields = tuple(about.pop("fields"))
        except (
            SafetensorError,
            msgspec.MsgspecError,
            pl.exceptions.PolarsError,
            OSError,
            KeyError,
            TypeError,
        ) as err:
            raise ValueError(f"{directory} cannot be read: {err}; train it again") from err
        if len(catalog) != len(scorer.items):
            raise ValueError(
                f"{directory} has {len(catalog)} tracks and {len(scorer.items)} embeddings of "
                "tracks; train it again"
            )
        return cls(scorer, fields, catalog, about)
