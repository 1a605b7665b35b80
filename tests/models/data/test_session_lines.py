"""Sessions from a text file, a line each: what is read, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.data.canonical import SCHEMA
from models.data.session_lines import read
from models.data.sources import open_source


@pytest.fixture
def written(tmp_path):
    def write(content: str | bytes):
        path = tmp_path / "mine.txt"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_a_line_is_a_session_and_every_track_is_heard(written):
    frame = read(written("b a b\nc\n"))
    assert dict(frame.schema) == SCHEMA
    assert frame.rows() == [
        ("1", 0, "b", 1, None, None),
        ("1", 1, "a", 1, None, None),
        ("1", 2, "b", 1, None, None),
        ("2", 0, "c", 1, None, None),
    ]


def test_empty_lines_more_spaces_and_other_line_ends_mean_nothing(written):
    frame = read(written("\ufeffa  b\t c \r\n\r\n   \nd"))
    assert frame.select("session_id", "track_id").rows() == [
        ("1", "a"), ("1", "b"), ("1", "c"), ("4", "d"),
    ]  # fmt: skip


@given(st.lists(st.lists(st.from_regex(r"[a-z0-9:\u00e9-]{1,9}", fullmatch=True), min_size=1),
                min_size=1))  # fmt: skip
def test_what_was_written_is_read_again(tmp_path_factory, sessions):
    path = tmp_path_factory.mktemp("lines") / "mine.txt"
    path.write_text("\n".join(" ".join(tracks) for tracks in sessions), encoding="utf-8")
    found = open_source(f"sessions:{path}").load()
    assert [[t for t, _ in found.occurrences(i)] for i in range(len(found))] == sessions


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "holds no track"),
        (" \n\n", "holds no track"),
        (b"\xff\xfe", "is not UTF-8"),
        ("a\n" + "x" * 129, "line 2: a track id of 129 characters, expected 128 at most"),
    ],
)
def test_what_is_no_list_of_sessions_is_refused(written, content, complaint):
    with pytest.raises(ValueError, match=complaint):
        read(written(content))


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(ValueError, match="is not a file"):
        open_source(f"sessions:{tmp_path}").load()
