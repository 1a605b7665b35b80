"""What is hidden of a row: some real tracks, never the first, never padding, never nothing."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from models.losses.masking import drawn_hidden


def lengths_to_rows(lengths: list[int]) -> torch.Tensor:
    return (torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]).long() * 7


def drawn(
    items: torch.Tensor, masked: float, last: float, seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor]:
    return drawn_hidden(items, masked, last, torch.Generator().manual_seed(seed))


@given(
    st.lists(st.integers(2, 12), min_size=1, max_size=8),
    st.floats(0.01, 1),
    st.floats(0, 1),
    st.integers(0, 99),
)
def test_each_row_hides_real_tracks_and_shows_its_first(lengths, masked, last, seed):
    items = lengths_to_rows(lengths)
    read, hidden = drawn(items, masked, last, seed)
    assert hidden.any(dim=1).all()
    assert not hidden[:, 0].any()
    assert not (hidden & ~read).any()
    assert not (read & (items == 0)).any()


def test_a_share_is_read_up_to_any_track_which_alone_is_hidden():
    items = lengths_to_rows([5, 9] * 200)
    read, hidden = drawn(items, 0.9, 1.0)
    ends = hidden.nonzero()[:, 1]
    assert len(ends) == 400
    assert read.sum(dim=1).tolist() == (ends + 1).tolist()
    for length, found in ((5, ends[::2]), (9, ends[1::2])):
        assert set(found.tolist()) == set(range(1, length))


def test_the_others_are_read_whole_and_hide_the_share_that_was_asked_for():
    items = lengths_to_rows([101] * 200)
    read, hidden = drawn(items, 0.2, 0.0)
    assert read.all()
    assert 0.19 < hidden[:, 1:].float().mean() < 0.21


def test_a_row_of_one_track_hides_nothing():
    _, hidden = drawn(lengths_to_rows([1, 1]), 0.5, 0.5)
    assert not hidden.any()
