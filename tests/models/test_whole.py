"""A folder or file is the old one or the new one, and nothing else stays beside it."""

import errno
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import safetensors.numpy

from models.whole import disk_errors, refuse_other, whole_folder, write_whole

NUMBERS = np.random.default_rng(0).random(100_000)


@pytest.fixture
def full() -> Iterator[None]:
    """No file may grow beyond a page."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, usual[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, usual)


@pytest.mark.parametrize(
    "write",
    [
        lambda path: safetensors.numpy.save_file({"numbers": NUMBERS}, path),
        lambda path: pl.DataFrame({"numbers": NUMBERS}).write_parquet(path),
        lambda path: path.write_bytes(NUMBERS.tobytes()),
    ],
    ids=["safetensors", "parquet", "bytes"],
)
@pytest.mark.usefixtures("full")
def test_a_disk_that_takes_no_more_is_an_error_of_the_system(
    tmp_path: Path, write: Callable[[Path], object]
) -> None:
    with (
        pytest.raises(OSError, match="File too large") as caught,
        whole_folder(tmp_path / "out") as fresh,
    ):
        write(fresh / "numbers")
    assert caught.value.errno == errno.EFBIG
    assert not list(tmp_path.iterdir())


def test_an_error_of_another_kind_stays_what_it_is() -> None:
    with pytest.raises(ValueError, match="28"), disk_errors():
        raise ValueError("no such thing as error 28")


def test_a_folder_is_replaced_when_the_block_ends(tmp_path):
    out = tmp_path / "deep" / "out"
    for text in ("one", "two"):
        with whole_folder(out) as fresh:
            (fresh / text).write_text(text)
            assert not (out / text).exists()
        assert [file.name for file in out.iterdir()] == [text]
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_an_error_leaves_the_older_folder(tmp_path):
    out = tmp_path / "out"
    with whole_folder(out) as fresh:
        (fresh / "kept").touch()
    with pytest.raises(OSError, match="full"), whole_folder(out):
        raise OSError("the disk is full")
    assert (out / "kept").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_only_a_folder_of_its_kind_or_an_empty_one_may_be_replaced(tmp_path):
    refuse_other(tmp_path / "none", "mark", "is no such thing")
    refuse_other(tmp_path, "mark", "is no such thing")
    (tmp_path / "other").touch()
    for place in (tmp_path, tmp_path / "other"):
        with pytest.raises(ValueError, match="exists and is no such thing: choose another --out"):
            refuse_other(place, "mark", "is no such thing")
    (tmp_path / "mark").touch()
    refuse_other(tmp_path, "mark", "is no such thing")


def test_a_file_is_replaced(tmp_path):
    path = tmp_path / "deep" / "file"
    for raw in (b"one", b"two"):
        write_whole(path, raw)
        assert path.read_bytes() == raw
    assert [file.name for file in path.parent.iterdir()] == ["file"]
