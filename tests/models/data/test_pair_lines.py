"""A user and its items on each line."""

import pytest

from models.data.pair_lines import read, read_split


def test_a_line_is_a_user_and_its_items_and_repeats_are_dropped(tmp_path):
    file = tmp_path / "pairs.txt"
    file.write_text("anna a b a\n\nbert c\t b \nanna d\ncarl\n", encoding="utf-8")
    found = read(file)
    assert found.playlist_ids == ("anna", "bert", "carl")
    assert found.track_ids == ("a", "b", "c", "d")
    rows = [[found.track_ids[t] for t in found.graph.row(p)] for p in range(3)]
    assert rows == [["a", "b", "d"], ["b", "c"], []]
    assert found.duplicates == 1


def test_both_files_of_a_split_are_over_one_catalog(tmp_path):
    (tmp_path / "train.txt").write_text("0 5 6\n1 7\n")
    (tmp_path / "test.txt").write_text("1 6 8\n")
    train, test = read_split(tmp_path)
    assert train.track_ids == test.track_ids == ("5", "6", "7", "8")
    assert train.playlist_ids == test.playlist_ids == ("0", "1")
    assert [test.graph.row(p).tolist() for p in range(2)] == [[], [1, 3]]


def test_what_is_no_such_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="not a file"):
        read(tmp_path / "none.txt")
    (tmp_path / "empty.txt").write_text("anna\n\n")
    with pytest.raises(ValueError, match="no user with an item"):
        read(tmp_path / "empty.txt")
    (tmp_path / "odd.txt").write_bytes(b"\xff\xfe a")
    with pytest.raises(ValueError, match="not UTF-8"):
        read(tmp_path / "odd.txt")


def test_the_published_split_has_its_known_sizes(data_dir):
    train, test = read_split(data_dir / "gowalla")
    graph = train.graph
    assert (graph.n_playlists, graph.n_tracks, graph.n_edges) == (29_858, 40_981, 810_128)
    assert test.graph.n_edges == 217_242
    assert train.duplicates == test.duplicates == 0
