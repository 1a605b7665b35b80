"""MovieLens-1M: its lines, and that no other file passes for it."""

import pytest

from models.data.canonical import to_sessions
from models.data.ml_1m import git_blob, parse, read


def test_a_users_lines_are_a_session_in_their_order_and_all_of_it_was_heard():
    frame = parse(b"1 10\n1 7\n2 7\n")
    assert frame.select("session_id", "position", "track_id", "outcome").rows() == [
        ("1", 0, "10", 1),
        ("1", 1, "7", 1),
        ("2", 0, "7", 1),
    ]


def test_a_blob_is_named_as_git_names_it():
    assert git_blob(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


def test_another_file_is_refused_by_its_hash(tmp_path):
    (tmp_path / "ml-1m.txt").write_text("1 10\n1 7\n")
    with pytest.raises(ValueError, match=r"its git blob hash is \w+, expected 9ab8"):
        read(tmp_path)
    with pytest.raises(ValueError, match=r"found nothing at .*other\.txt"):
        read(tmp_path / "other.txt")


@pytest.mark.data
def test_the_published_file_has_its_known_size(data_dir):
    sessions = to_sessions(read(data_dir / "ml-1m"))
    assert (len(sessions), sessions.n_items, len(sessions.items)) == (6_040, 3_416, 999_611)
    assert (sessions.lengths.min(), sessions.lengths.max()) == (18, 2_277)
    assert sessions.occurrences(0)[:3] == [("1", 1), ("2", 1), ("3", 1)]
