"""Track embeddings in a file: what is written is read, and what is wrong is said."""

from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st

from models.items.track_embeddings import FORMAT, TrackEmbeddings, read_embeddings, write_embeddings

IDS = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), min_size=1)


def matrix(tracks: int, width: int = 4) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((tracks, width)).astype(np.float32)


@given(ids=st.lists(IDS, min_size=1, max_size=20, unique=True))
def test_what_is_written_is_read(tmp_path_factory, ids):
    path = tmp_path_factory.mktemp("embeddings") / "items.safetensors"
    write_embeddings(path, TrackEmbeddings(tuple(ids), matrix(len(ids)), {"layers": 3}))
    found = read_embeddings(path)
    assert found.track_ids == tuple(ids)
    assert found.about == {"layers": 3}
    np.testing.assert_array_equal(found.matrix, matrix(len(ids)))


def test_a_track_is_found_by_its_id_and_another_is_minus_one():
    found = TrackEmbeddings(("a", "b"), matrix(2)).rows(["b", "c", "a"])
    assert found.tolist() == [1, -1, 0]


@pytest.mark.parametrize(
    ("ids", "changes", "what"),
    [
        (("a", "b", "a"), {}, "'a' is there twice"),
        (("a", "b"), {}, "2 track ids for 3 rows"),
        (("a", "", "c"), {}, "empty"),
        (("a", "b\n", "c"), {}, "line break"),
        (("a", "b", "c"), {(1, 2): np.nan}, "'b' has nan in column 2"),
        (("a", "b", "c"), {(2, 0): np.inf}, "'c' has inf in column 0"),
        (("a", "b", "c"), {...: 1.0}, "all 3 rows are the same"),
    ],
)
def test_what_is_wrong_is_said(ids, changes, what):
    wrong = matrix(3)
    for place, value in changes.items():
        wrong[place] = value
    with pytest.raises(ValueError, match=what):
        TrackEmbeddings(ids, wrong)


@pytest.mark.parametrize("wrong", [matrix(2).astype(np.float64), matrix(2)[0], matrix(2)[:, :0]])
def test_a_matrix_of_another_kind_is_refused(wrong):
    with pytest.raises(ValueError, match="expected float32"):
        TrackEmbeddings(("a", "b"), wrong)


def test_another_file_is_refused_with_what_is_in_it(tmp_path: Path):
    path = tmp_path / "items.safetensors"
    safetensors.numpy.save_file({"matrix": matrix(2)}, path)
    with pytest.raises(ValueError, match="segue graph embed"):
        read_embeddings(path)
    path.write_bytes(b"no such file")
    with pytest.raises(ValueError, match="no file of track embeddings"):
        read_embeddings(path)
    with pytest.raises(FileNotFoundError, match="no file of track embeddings"):
        read_embeddings(tmp_path / "missing")


def test_ids_of_another_kind_are_refused(tmp_path: Path):
    path = tmp_path / "items.safetensors"
    tensors = {"matrix": matrix(2), "track_ids": np.zeros((2, 2), np.float32)}
    safetensors.numpy.save_file(tensors, path, {"format": FORMAT})
    with pytest.raises(ValueError, match="expected uint8"):
        read_embeddings(path)


def test_an_about_that_is_no_json_is_refused_and_nothing_is_left(tmp_path: Path):
    with pytest.raises(ValueError, match="about is no JSON"):
        write_embeddings(tmp_path / "x", TrackEmbeddings(("a",), matrix(1), {"loss": np.nan}))
    assert list(tmp_path.iterdir()) == []
