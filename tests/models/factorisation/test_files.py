"""A machine on disk: what is written is read, and what is no machine is refused."""

import numpy as np
import polars as pl
import pytest

from models.factorisation.files import ABOUT, WEIGHTS, Machine
from models.factorisation.scoring import FmScorer

RNG = np.random.default_rng(0)
MACHINE = Machine(
    FmScorer(*(RNG.random(shape).astype(np.float32) for shape in ((4, 2), (3, 2), 3))),
    ("previous",),
    pl.DataFrame(
        {"track_id": ["x", "y", "z"], "title": ["X", None, "Z"], "artist": [None] * 3},
        schema_overrides={"artist": pl.String},
    ),
    {"seed": 3},
)


def test_what_is_written_is_read_and_replaces_what_was_there(tmp_path):
    MACHINE.write(tmp_path / "m")
    MACHINE.write(tmp_path / "m")
    found = Machine.read(tmp_path / "m")
    assert (found.fields, found.about) == (MACHINE.fields, MACHINE.about)
    assert found.catalog.equals(MACHINE.catalog)
    rows = np.array([[0], [3]])
    assert np.array_equal(found.scorer.scores(rows, rows), MACHINE.scorer.scores(rows, rows))
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_something_else_is_not_overwritten(tmp_path):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "letter.txt").write_text("dear")
    with pytest.raises(ValueError, match="exists and holds no machine"):
        MACHINE.write(tmp_path / "m")


def test_what_is_not_there_or_not_whole_is_refused(tmp_path):
    with pytest.raises(ValueError, match="holds no factorisation machine"):
        Machine.read(tmp_path)
    MACHINE.write(tmp_path / "m")
    (tmp_path / "m" / WEIGHTS).write_bytes(b"")
    with pytest.raises(ValueError, match="cannot be read"):
        Machine.read(tmp_path / "m")
    MACHINE.write(tmp_path / "m")
    (tmp_path / "m" / ABOUT).write_text("{}")
    with pytest.raises(ValueError, match="cannot be read"):
        Machine.read(tmp_path / "m")
    MACHINE.write(tmp_path / "m")
    MACHINE.catalog[:2].write_parquet(tmp_path / "m" / "catalog.parquet")
    with pytest.raises(ValueError, match="2 tracks and 3 embeddings"):
        Machine.read(tmp_path / "m")
