"""MovieLens-100k: people in order of time, ties in the file's order, and titles with years."""

import pytest

from models.data.canonical import to_sessions
from models.data.ml_100k import read
from models.data.sources import open_source

HEADER = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
FILMS = "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"


@pytest.fixture
def films(tmp_path):
    (tmp_path / "ml-100k.inter").write_text(
        HEADER + "10\t7\t3\t200\n2\t7\t5\t100\n2\t5\t1\t50\n2\t6\t4\t100\n", encoding="utf-8"
    )
    (tmp_path / "ml-100k.item").write_text(
        FILMS + '5\t"Quoted" Film, The\t1995\tDrama\n7\tunknown\tV\tunknown\n', encoding="utf-8"
    )
    return tmp_path


def test_a_person_is_a_session_in_order_of_time_and_ties_keep_the_files_order(films):
    frame = read(films)
    assert frame.select("session_id", "position", "track_id", "outcome", "rating").rows() == [
        ("2", 0, "5", 1, 1.0),
        ("2", 1, "7", 1, 5.0),
        ("2", 2, "6", 1, 4.0),
        ("10", 0, "7", 1, 3.0),
    ]
    assert frame["occurred_at"].dt.epoch("s").to_list() == [50, 100, 100, 200]


def test_a_title_has_its_year_where_there_is_one(films):
    assert read(films)["title"].to_list() == ['"Quoted" Film, The (1995)', "unknown", None,
                                              "unknown"]  # fmt: skip


def test_titles_may_be_missing(films):
    (films / "ml-100k.item").unlink()
    assert read(films)["title"].null_count() == 4


def test_it_is_a_source(films):
    source = open_source(f"ml-100k:{films}")
    assert (source.name, source.simulated) == ("ml-100k", False)
    assert source.load().session_ids == ("2", "10")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("user_id:token\titem_id:token\n1\t2\n", "no column rating, timestamp"),
        (HEADER + "1\t2\tx\t5\n", "1 malformed rows, the first at line 2"),
        (HEADER + "1\t2\t3\t4\n1\t2\t3\t\n", "1 malformed rows, the first at line 3"),
    ],
)
def test_a_file_that_is_not_the_data_set_says_why(tmp_path, text, complaint):
    (tmp_path / "ml-100k.inter").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=complaint):
        read(tmp_path)


def test_nothing_there_is_said(tmp_path):
    with pytest.raises(ValueError, match="found nothing at"):
        read(tmp_path)


@pytest.mark.data
def test_the_published_files_have_their_known_size(data_dir):
    frame = read(data_dir / "ml-100k")
    sessions = to_sessions(frame)
    assert (len(sessions), sessions.n_items, len(sessions.items)) == (943, 1_682, 100_000)
    assert (sessions.lengths.min(), sessions.lengths.max()) == (20, 737)
    assert frame["title"].null_count() == 0
    assert "Toy Story (1995)" in frame["title"]
