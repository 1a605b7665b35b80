"""Track features: the published columns with their types, and complaints with their line."""

from __future__ import annotations

import polars as pl
import pytest

from models.data.csv_blocks import Faults
from models.data.track_features import SCHEMA, feature_files, read, write_features

from .logs import features_header, features_row


def test_all_29_features_are_read_with_their_types(tmp_path):
    path = tmp_path / "tf_0.csv"
    path.write_text(
        "\n".join([features_header(), features_row("t_1"), features_row("t_2", "minor")])
    )
    frame = pl.concat(read(path, Faults(), block_bytes=300))
    assert len(SCHEMA) == 29
    assert dict(frame.schema) == {"track_id": pl.String(), **SCHEMA}
    first = frame.row(0, named=True)
    assert (first["track_id"], first["release_year"], first["key"], first["mode"]) == (
        "t_1",
        1950,
        1,
        "major",
    )
    assert first["acoustic_vector_7"] == pytest.approx(0.205826)
    assert first["instrumentalness"] == pytest.approx(0.0903172)
    assert frame["mode"].to_list() == ["major", "minor"]


def test_a_malformed_feature_is_named_by_column_and_line(tmp_path):
    path = tmp_path / "tf_0.csv"
    path.write_text("\n".join([features_header(), features_row("t"), features_row("u", "lydian")]))
    with pytest.raises(ValueError, match=r"line 3: .*mode"):
        list(read(path, Faults()))


def test_a_file_without_one_of_the_columns_is_refused(tmp_path):
    path = tmp_path / "tf_0.csv"
    path.write_text(features_header().replace("tempo,", "") + "\n")
    with pytest.raises(ValueError, match="no column tempo"):
        list(read(path, Faults()))


def test_a_file_of_29_columns_has_one_acoustic_vector_less_and_it_is_null(tmp_path):
    path = tmp_path / "tf_0.csv"
    row = features_row("t_1").rpartition(",")[0]
    path.write_text("\n".join([features_header(vectors=7), row]) + "\n")
    frame = pl.concat(read(path, Faults()))
    assert len(features_header(vectors=7).split(",")) == 29
    assert frame.columns == ["track_id", *SCHEMA]
    assert frame.row(0)[-2:] == (pytest.approx(-0.35359), None)


def test_files_are_found_by_name_and_the_first_row_of_a_track_counts(tmp_path):
    lines = [features_header(), features_row("t_1"), features_row("t_2")]
    (tmp_path / "tf_0.csv").write_text("\n".join(lines))
    (tmp_path / "tf_1.csv").write_text("\n".join([features_header(), features_row("t_1", "minor")]))
    (tmp_path / "log_0.csv").write_text("not features")
    files = feature_files(tmp_path)
    assert [file.name for file in files] == ["tf_0.csv", "tf_1.csv"]
    assert feature_files(tmp_path / "log_0.csv") == []
    assert write_features(files, tmp_path / "out.parquet", Faults()) == 2
    written = pl.read_parquet(tmp_path / "out.parquet")
    assert written.select("track_id", "mode").rows() == [("t_1", "major"), ("t_2", "major")]
