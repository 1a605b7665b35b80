import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.catalog import Catalog

CATALOG = Catalog(track_ids=("a", "b", "c"), counts=(2, 7, 2), titles=("A", None, "C"))


def test_items_count_from_one_and_zero_is_unknown():
    assert [CATALOG.item(track) for track in ("a", "b", "c", "d", "")] == [1, 2, 3, 0, 0]


def test_popular_is_by_count_and_ties_are_by_item():
    assert CATALOG.popular == (2, 1, 3)
    assert [CATALOG.popularity_rank(item) for item in (1, 2, 3)] == [2, 1, 3]


@pytest.mark.parametrize(
    ("track_ids", "counts", "message"),
    [
        ((), (), "no tracks"),
        (("a", "a"), (1, 1), "repeated"),
        (("a", ""), (1, 1), "empty"),
        (("a",), (0, 1), "leave out the count of item 0"),
        (("a",), (-1,), "count of -1"),
    ],
)
def test_a_catalog_that_is_no_map_is_refused(track_ids, counts, message):
    with pytest.raises(ValueError, match=message):
        Catalog(track_ids=track_ids, counts=counts)


def test_titles_are_for_all_tracks_or_none():
    with pytest.raises(ValueError, match="1 titles"):
        Catalog(track_ids=("a", "b"), counts=(1, 1), titles=("A",))


@given(
    rows=st.lists(
        st.tuples(st.text(min_size=1, max_size=8), st.integers(0, 2**40), st.none() | st.text()),
        min_size=1,
        max_size=20,
        unique_by=lambda row: row[0],
    )
)
def test_parquet_gives_back_what_was_written(rows):
    tracks, counts, titles = zip(*rows, strict=True)
    catalog = Catalog(tracks, counts, titles if any(titles) else ())
    assert Catalog.from_parquet(catalog.to_parquet()) == catalog


@pytest.mark.parametrize("raw", [b"", b"PAR1", CATALOG.to_parquet()[:-9]])
def test_bytes_that_are_no_catalog_are_refused(raw):
    with pytest.raises(ValueError, match=r"catalog\.parquet cannot be read"):
        Catalog.from_parquet(raw)
