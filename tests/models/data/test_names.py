"""Tracks by the names that people type."""

import polars as pl
import pytest

from models.data.names import Index, names, shown

INDEX = Index(
    pl.DataFrame(
        {
            "track_id": ["1", "2", "3", "4", "5"],
            "title": ["Star Wars (1977)", "Toxic", "Wild Bunch, The (1969)", "Toxic Love", None],
            "artist": [None, "Britney Spears", None, "Britney Spears", None],
        }
    )
)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("1", [0]),
        ("star wars (1977)", [0]),
        ("Star  Wars", [0]),
        ("the wild bunch", [2]),
        ("Wild Bunch, The", [2]),
        ("toxic", [1]),  # a whole title comes before a part of another
        ("britney spears", [1, 3]),
        ("bunch", [2]),
    ],
)
def test_a_track_is_found_by_id_title_artist_or_a_part_of_one_title(text, rows):
    assert INDEX.find(text) == rows


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("star warz", r"no track fits 'star warz'; close to it: Star Wars \(1977\)\. Give titles"),
        ("brittney spears", "close to it: Britney Spears"),
        ("tox", r"several tracks fit 'tox'; close to it: Toxic - Britney Spears, Toxic Love"),
        ("qqqq", r"no track fits 'qqqq'\. Give titles, artists or track ids"),
        ("  ", "named by nothing"),
    ],
)
def test_what_is_not_found_comes_with_what_is_close(text, complaint):
    with pytest.raises(ValueError, match=complaint):
        INDEX.find(text)


def test_data_without_titles_says_that_it_has_ids_only():
    bare = names(pl.DataFrame({"track_id": ["x", "x", "y"]}), ["y", "x"])
    assert bare.rows() == [("y", None, None), ("x", None, None)]
    assert Index(bare).find("x") == [1]
    with pytest.raises(ValueError, match=r"Give track ids \(it has no titles\)"):
        Index(bare).find("toxic")


def test_names_follow_the_catalog():
    frame = pl.DataFrame({"track_id": ["x", "y", "x"], "title": ["X", "Y", "X"]})
    assert names(frame, ["y", "x"]).rows() == [("y", "Y", None), ("x", "X", None)]
    assert shown(("x", "X", None)) == "X"
    assert shown(("x", None, None)) == "x"
    assert shown(("x", "X", "Z")) == "X - Z"
