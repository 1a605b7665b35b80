"""Every architecture: built by name, exported, grown, and as its own states say."""

import pytest
import torch

from models.encoders.architectures import ARCHITECTURES, make_config, make_encoder

SIZES = {"items": 30, "length": 6, "width": 16}


@pytest.fixture(params=ARCHITECTURES)
def model(request):
    torch.manual_seed(0)
    return make_encoder(make_config(request.param, SIZES)).eval()


def rows() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    lengths = torch.tensor([1, 2, 5, 6])
    inside = torch.arange(6) < lengths[:, None]
    items = torch.randint(1, 31, (4, 6), generator=generator) * inside
    outcomes = torch.randint(0, 5, (4, 6), generator=generator) * inside
    return items, outcomes, lengths


def test_a_model_says_which_architecture_it_is(model):
    config, encoder = ARCHITECTURES[model.architecture]
    assert type(model) is encoder
    assert type(model.config) is config
    assert make_config(model.architecture, SIZES) == model.config


@torch.no_grad()
def test_a_causal_model_encodes_a_session_as_its_states_do(model):
    if not model.causal:
        return
    items, outcomes, lengths = rows()
    states = model.states(items, outcomes)
    assert torch.allclose(
        model(items, outcomes, lengths), states[torch.arange(4), lengths - 1], atol=1e-5
    )


@torch.no_grad()
def test_a_masked_model_guesses_what_follows_as_it_guesses_a_hidden_track(model):
    if model.causal:
        return
    items, outcomes, lengths = rows()
    last = torch.arange(7) == lengths[:, None]
    longer, ended = (torch.cat([part, 0 * part[:, :1]], dim=1) for part in (items, outcomes))
    states = model.states(longer + 7 * last, ended + 4 * last, last)  # which track does not matter
    assert torch.allclose(model(items, outcomes, lengths), states[last], atol=1e-5)


@torch.no_grad()
def test_a_model_reads_short_rows_as_the_same_ones_padded(model):
    items, outcomes, lengths = (part[:2] for part in rows())
    assert torch.allclose(
        model(items, outcomes, lengths), model(items[:, :2], outcomes[:, :2], lengths), atol=1e-5
    )


@torch.no_grad()
def test_what_is_padding_changes_nothing(model):
    items, outcomes, lengths = rows()
    wild = items.where(torch.arange(6) < lengths[:, None], 7)
    assert torch.allclose(
        model(items, outcomes, lengths), model(wild, outcomes, lengths), atol=1e-5
    )


@torch.no_grad()
def test_a_grown_model_scores_old_tracks_as_before(model):
    items, outcomes, lengths = rows()
    matrix = model.item_embedding.weight
    larger = model.grown(torch.cat([matrix, torch.ones(3, matrix.shape[1])])).eval()
    assert larger.config.items == 33
    before = model.logits(model(items, outcomes, lengths))
    after = larger.logits(larger(items, outcomes, lengths))
    assert after.shape == (4, 34)
    assert torch.allclose(before, after[:, :31], atol=1e-5)


@pytest.mark.parametrize("told", [True, False])
@torch.no_grad()
def test_how_occurrences_ended_is_read_where_the_config_says_so(model, told):
    torch.manual_seed(0)
    model = make_encoder(make_config(model.architecture, {**SIZES, "outcomes": told})).eval()
    items, outcomes, lengths = rows()
    heard = torch.ones_like(outcomes) * (items > 0)
    same = torch.allclose(model(items, outcomes, lengths), model(items, heard, lengths), atol=1e-5)
    assert same is not told


def test_an_unknown_architecture_or_size_is_refused():
    with pytest.raises(ValueError, match="architecture 'gpt', expected one of sasrec"):
        make_config("gpt", SIZES)
    with pytest.raises(ValueError, match="sasrec has no depth; its sizes are blocks"):
        make_config("sasrec", SIZES | {"depth": 3})
    with pytest.raises(TypeError, match="dict configures no encoder"):
        make_encoder({})  # type: ignore[arg-type]
