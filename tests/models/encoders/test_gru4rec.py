"""GRU4Rec: its five inputs, what it may see, how it starts, steps and grows."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from models.encoders.gru4rec import INPUTS, NEIGHBOURS, GRU4Rec, GRU4RecConfig

CONFIG = GRU4RecConfig(items=30, length=8, width=16, dropout_hidden=0.0, item_bias=False)
FEATURES = 6


def make(inputs: Any, **sizes: Any) -> GRU4Rec:
    torch.manual_seed(0)
    if not inputs.startswith("content"):
        return GRU4Rec(replace(CONFIG, inputs=inputs, **sizes)).eval()
    config = replace(CONFIG, inputs=inputs, features=FEATURES, **sizes)
    return GRU4Rec(config, torch.randn(config.items + 1, FEATURES)).eval()


@pytest.fixture(params=INPUTS)
def model(request):
    return make(request.param)


def occurrences(batch: int = 3, length: int = 8, seed: int = 1):
    g = torch.Generator().manual_seed(seed)
    items = torch.randint(1, CONFIG.items + 1, (batch, length), generator=g)
    return items, torch.randint(0, 5, (batch, length), generator=g)


@torch.no_grad()
def test_what_comes_later_changes_nothing_before(model):
    items, outcomes = occurrences()
    later_items, later_outcomes = items.clone(), outcomes.clone()
    later_items[:, 5:], later_outcomes[:, 5:] = 1, 4
    before, after = model.states(items, outcomes), model.states(later_items, later_outcomes)
    torch.testing.assert_close(before[:, :5], after[:, :5])
    assert not torch.allclose(before[:, 5:], after[:, 5:])


@pytest.mark.parametrize("layers", [1, 2])
@torch.no_grad()
def test_steps_from_zero_give_what_the_replayed_session_gives(layers):
    model = make("constrained", layers=layers)
    items, outcomes = occurrences()
    hidden = torch.zeros(layers, 3, CONFIG.width)
    stepped = []
    for t in range(8):
        state, hidden = model.step(model.look_up(items[:, t]), outcomes[:, t], hidden)
        stepped.append(state)
    torch.testing.assert_close(torch.stack(stepped, dim=1), model.states(items, outcomes))


@torch.no_grad()
def test_how_a_track_ended_changes_the_session(model):
    items, outcomes = occurrences()
    lengths = torch.full((3,), 8)
    heard, skipped = outcomes.clone(), outcomes.clone()
    heard[:, 2], skipped[:, 2] = 1, 4
    assert not torch.allclose(model(items, heard, lengths), model(items, skipped, lengths))
    blind = make(model.config.inputs, outcomes=False)
    torch.testing.assert_close(blind(items, heard, lengths), blind(items, skipped, lengths))


def test_outcomes_are_hidden_in_training_alone():
    model = make("constrained", dropout=0.0, outcome_dropout=1.0)
    items, outcomes = occurrences()
    torch.testing.assert_close(
        model.train().states(items, outcomes), model.eval().states(items, 0 * outcomes)
    )
    shown = model.eval().states(items, outcomes)
    assert not torch.allclose(shown, model.states(items, 0 * outcomes))


@torch.no_grad()
def test_one_hot_is_a_gru_over_one_hot_vectors():
    model = make("one-hot", outcomes=False)
    assert model.input_embedding is not None
    plain = nn.GRU(CONFIG.items + 1, CONFIG.width, batch_first=True)
    weights = model.gru.state_dict() | {"weight_ih_l0": model.input_embedding.weight.T}
    plain.load_state_dict(weights)
    items, outcomes = occurrences()
    expected, _ = plain(nn.functional.one_hot(items, CONFIG.items + 1).float())
    torch.testing.assert_close(model.states(items, outcomes), expected)


def test_what_each_input_learns_besides_gates_and_scored_rows():
    learned = {
        inputs: {
            name.split(".")[0]
            for name, weights in make(inputs, outcomes=False).named_parameters()
            if weights.requires_grad
        }
        - {"gru", "item_embedding"}
        for inputs in INPUTS
    }
    assert learned == {
        "one-hot": {"input_embedding"},
        "embedding": {"input_embedding"},
        "constrained": set(),
        "content": set(),
        "content-mlp": {"perceptron"},
    }
    assert "weight_ih_l0" not in {
        name for name, weights in make("one-hot").gru.named_parameters() if weights.requires_grad
    }


@torch.no_grad()
def test_a_grown_model_reads_old_sessions_as_before_and_new_tracks_as_their_neighbours(model):
    matrix = model.item_embedding.weight
    new = matrix[[7]] * 2  # nearest to track 7, in direction
    grown = model.grown(torch.cat([matrix, new])).eval()
    items, outcomes = occurrences()
    lengths = torch.full((3,), 8)
    torch.testing.assert_close(grown(items, outcomes, lengths), model(items, outcomes, lengths))
    tables = {
        name: (old, larger)
        for name, old in model.state_dict().items()
        if name != "item_embedding.weight" and len(old) != len(larger := grown.state_dict()[name])
    }
    assert len(tables) == (model.config.inputs != "constrained")
    nearest = nn.functional.normalize(matrix[1:], dim=1) @ nn.functional.normalize(new, dim=1).T
    nearest = nearest[:, 0].topk(NEIGHBOURS).indices + 1
    for old, larger in tables.values():
        torch.testing.assert_close(larger[:31], old)
        torch.testing.assert_close(larger[31], old[nearest].mean(dim=0))


@torch.no_grad()
def test_a_bias_is_added_to_every_score():
    model = make("constrained", item_bias=True)
    assert model.item_bias is not None
    states = torch.randn(2, CONFIG.width)
    before = model.logits(states)
    model.item_bias.copy_(torch.arange(31))
    torch.testing.assert_close(model.logits(states), before + torch.arange(31))


def test_features_that_are_not_numbers_or_do_not_fit_are_refused():
    config = replace(CONFIG, inputs="content", features=FEATURES)
    features = torch.zeros(31, FEATURES)
    features[4, 2] = torch.nan
    with pytest.raises(ValueError, match="content feature 2 of item 4 is nan"):
        GRU4Rec(config, features)
    with pytest.raises(ValueError, match=r"\(30, 6\), expected \(31, 6\)"):
        GRU4Rec(config, features[1:])
    with pytest.raises(ValueError, match="'constrained' read no content features"):
        GRU4Rec(CONFIG, features)


def test_a_model_without_its_features_gives_no_number_by_mistake():
    model = GRU4Rec(replace(CONFIG, inputs="content-mlp", features=FEATURES)).eval()
    assert model.states(*occurrences()).isnan().all()
    model.load_state_dict(make("content-mlp").state_dict())
    assert model.states(*occurrences()).isfinite().all()


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"layers": 0}, "every size must be 1 or more"),
        ({"inputs": "words"}, "inputs 'words', expected one of one-hot"),
        ({"inputs": "content"}, "need their number of columns"),
        ({"features": 3}, "the others none"),
        ({"dropout_hidden": 1.0}, "dropout_hidden 1.0 must be in"),
    ],
)
def test_sizes_that_cannot_be_built_are_refused(sizes, message):
    with pytest.raises(ValueError, match=message):
        replace(CONFIG, **sizes)
