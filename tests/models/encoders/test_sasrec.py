"""The encoder: what it may see, what it must not, and how it starts and grows."""

import pytest
import torch

from models.encoders.sasrec import SASRec, SASRecConfig

CONFIG = SASRecConfig(items=30, length=8, width=16, blocks=2, heads=2)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return SASRec(CONFIG).eval()


def occurrences(batch: int = 3, length: int = 8, seed: int = 1):
    g = torch.Generator().manual_seed(seed)
    items = torch.randint(1, CONFIG.items + 1, (batch, length), generator=g)
    return items, torch.randint(0, 5, (batch, length), generator=g)


def test_what_comes_later_changes_nothing_before(model):
    items, outcomes = occurrences()
    later_items, later_outcomes = items.clone(), outcomes.clone()
    later_items[:, 5:], later_outcomes[:, 5:] = 1, 4
    before, after = model.states(items, outcomes), model.states(later_items, later_outcomes)
    torch.testing.assert_close(before[:, :5], after[:, :5])
    assert not torch.allclose(before[:, 5:], after[:, 5:])


def test_padding_on_the_right_needs_no_mask(model):
    items, outcomes = occurrences(length=3)
    padded = [torch.nn.functional.pad(part, (0, 5)) for part in (items, outcomes)]
    short = model(items, outcomes, torch.full((3,), 3))
    torch.testing.assert_close(model(*padded, torch.full((3,), 3)), short)
    padded[0][:, 3:] = 7  # whatever stands behind the end is never read
    torch.testing.assert_close(model(*padded, torch.full((3,), 3)), short)


def test_a_session_is_the_state_at_its_last_occurrence(model):
    items, outcomes = occurrences()
    states = model.states(items, outcomes)
    lengths = torch.tensor([1, 5, 8])
    expected = torch.stack([states[row, n - 1] for row, n in enumerate(lengths)])
    torch.testing.assert_close(model(items, outcomes, lengths), expected)


def test_how_a_track_ended_changes_the_session(model):
    items, outcomes = occurrences()
    lengths = torch.full((3,), 8)
    heard, skipped = outcomes.clone(), outcomes.clone()
    heard[:, 2], skipped[:, 2] = 1, 4
    assert not torch.allclose(model(items, heard, lengths), model(items, skipped, lengths))


def test_without_outcomes_they_change_nothing():
    blind = SASRec(SASRecConfig(**{**vars(CONFIG), "outcomes": False})).eval()
    items, outcomes = occurrences()
    lengths = torch.full((3,), 8)
    torch.testing.assert_close(blind(items, outcomes, lengths), blind(items, 0 * outcomes, lengths))


def test_outcomes_are_hidden_in_training_alone():
    hidden = {**vars(CONFIG), "dropout": 0.0, "outcome_dropout": 1.0}
    model = SASRec(SASRecConfig(**hidden))
    items, outcomes = occurrences()
    torch.testing.assert_close(
        model.train().states(items, outcomes), model.eval().states(items, 0 * outcomes)
    )
    shown = model.eval().states(items, outcomes)
    assert not torch.allclose(shown, model.states(items, 0 * outcomes))


def test_without_the_residual_path_the_session_is_the_papers_projection():
    plain = SASRec(SASRecConfig(**{**vars(CONFIG), "residual": False})).eval()
    items, outcomes = occurrences()
    with torch.no_grad():
        assert plain.states(items, outcomes).min() >= -0.171  # the least that GELU gives
        plain.projection.weight.zero_()
        assert plain.states(items, outcomes).abs().sum() == 0


def test_weights_start_as_the_table_says(model):
    embedding = model.item_embedding.weight
    assert embedding[0].abs().sum() == 0
    assert embedding.abs().max() <= 0.2
    assert 0.07 < embedding[1:].std() < 0.11
    assert all(p.abs().sum() == 0 for name, p in model.named_parameters() if _is_bias(name))


def _is_bias(name: str) -> bool:
    return name.endswith(".bias")


def test_grown_keeps_every_weight_and_takes_the_new_rows(model):
    rows = torch.cat([model.item_embedding.weight.detach(), torch.ones(2, CONFIG.width)])
    grown = model.grown(rows).eval()
    items, outcomes = occurrences()
    lengths = torch.full((3,), 8)
    assert grown.config.items == 32
    torch.testing.assert_close(grown(items, outcomes, lengths), model(items, outcomes, lengths))
    torch.testing.assert_close(grown.item_embedding.weight[31:], torch.ones(2, CONFIG.width))


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"items": 0}, "1 or more"),
        ({"heads": 3}, "width 16 is not divisible by 3 heads"),
        ({"dropout": 1.0}, "dropout 1.0"),
    ],
)
def test_sizes_that_cannot_be_built_are_refused(wrong, named):
    with pytest.raises(ValueError, match=named):
        SASRecConfig(**{**vars(CONFIG), **wrong})
