"""A folder or file is the old one or the new one, and nothing else stays beside it."""

import pytest

from models.whole import refuse_other, whole_folder, write_whole


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
