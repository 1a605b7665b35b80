"""Which tracks a target is asked against, and how their scores are corrected."""

from typing import Any

import pytest
import torch

from models.encoders.architectures import ARCHITECTURES, make_config, make_encoder
from models.encoders.gru4rec import GRU4Rec, GRU4RecConfig
from models.losses.loss import LossConfig, full_softmax
from models.losses.next_track import compare, next_track_loss, ranking_of
from models.losses.objective import batch_loss
from models.losses.ranking import RANKINGS
from models.losses.sampled import Compared
from models.sampling import NegativeSampler, training_rows
from models.sessions import packed

PLAYS = torch.tensor([0, 40, 20, 10, 10, 10, 5, 5])  # 100 over 7 tracks
TARGETS, CURRENT = torch.tensor([1, 2, 3]), torch.tensor([4, 0, 3])


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def compared(**given: Any) -> Compared:
    loss = LossConfig(**{"negatives": 4, **given})
    return compare(TARGETS, CURRENT, loss, NegativeSampler(PLAYS, loss.sample_alpha), generator())


def test_negatives_are_the_drawn_ones_and_before_them_the_targets_where_asked():
    assert len(compared().negatives) == 4
    both = compared(in_batch=True)
    assert both.negatives[:3].tolist() == [1, 2, 3]
    assert both.negatives[3:].tolist() == compared().negatives.tolist()
    assert (both.own_offsets, both.offsets) == (None, None)


def test_without_a_number_every_track_is_a_negative():
    loss = LossConfig(name="bpr-max")
    found = compare(TARGETS, CURRENT, loss, NegativeSampler(PLAYS), generator())
    assert found.negatives.tolist() == [1, 2, 3, 4, 5, 6, 7]


def test_the_published_correction_is_log_plays_and_alpha_of_it_for_drawn_tracks():
    found = compared(logq="published", in_batch=True, sample_alpha=0.5)
    log_plays = PLAYS.double().log().float()
    assert found.own_offsets is not None
    assert found.offsets is not None
    torch.testing.assert_close(found.own_offsets[:, 0], log_plays[TARGETS])
    torch.testing.assert_close(found.own_offsets[0, 1], log_plays[4])
    torch.testing.assert_close(found.offsets[:3], log_plays[TARGETS])
    torch.testing.assert_close(found.offsets[3:], 0.5 * log_plays[found.negatives[3:]])


def test_the_unbiased_correction_leaves_the_target_and_counts_how_often_a_negative_comes():
    found = compared(logq="unbiased", in_batch=True, sample_alpha=1)
    assert found.own_offsets is None
    assert found.offsets is not None
    expected = (4 + 3) * PLAYS[found.negatives] / 100
    torch.testing.assert_close(found.offsets.exp(), expected)


def test_the_unbiased_sampled_softmax_nears_the_full_one():
    torch.manual_seed(0)
    matrix, states = torch.randn(8, 4), torch.randn(3, 4)
    model = GRU4Rec(GRU4RecConfig(items=7, width=4, item_bias=False))
    with torch.no_grad():
        model.item_embedding.weight.copy_(matrix)
    sampler, none = NegativeSampler(PLAYS, 0.5), torch.zeros(3, dtype=torch.int64)
    full = full_softmax(states, matrix, TARGETS)

    def error(logq: str) -> float:
        loss = LossConfig(negatives=20_000, sample_alpha=0.5, logq=logq)  # type: ignore[arg-type]
        found = next_track_loss(model, states, TARGETS, none, loss, sampler, generator())
        return (found - full).abs().item()

    assert error("unbiased") < 0.02
    assert error("off") > 1


@pytest.mark.parametrize("name", [*RANKINGS, "skip-contrastive"])
@pytest.mark.parametrize("negatives", [None, 3])
def test_a_bias_learns_and_the_loss_is_that_of_scores_with_it(name, negatives):
    torch.manual_seed(0)
    model = GRU4Rec(GRU4RecConfig(items=7, width=4, item_bias=True))
    states = torch.randn(3, 4)
    loss, sampler = LossConfig(name=name, negatives=negatives), NegativeSampler(PLAYS)

    def value() -> torch.Tensor:
        return next_track_loss(model, states, TARGETS, CURRENT, loss, sampler, generator())

    before = value()
    assert model.item_bias is not None
    (slope,) = torch.autograd.grad(before, model.item_bias)
    assert slope.any()
    with torch.no_grad():
        model.item_bias.sub_(slope, alpha=0.1)
    assert value() < before


def test_gbce_is_calibrated_by_the_share_of_the_catalog_that_is_drawn():
    loss = LossConfig(name="gbce", negatives=3, calibration=1)
    assert ranking_of(loss, items=7).beta == pytest.approx(0.5)
    assert ranking_of(LossConfig(name="gbce"), items=7).beta == 1


WORDS = ["abcdef", "bca", "fedcb", "adbe"]
ROWS = training_rows(
    packed(
        [(f"s{i}", [(a, (i + j) % 5) for j, a in enumerate(word)]) for i, word in enumerate(WORDS)],
        [*"abcdefgh"],
    ),
    5,
)
HEARD = torch.bincount(ROWS.items.flatten(), minlength=9)
LOSSES = [
    LossConfig(),
    LossConfig(negatives=3),
    LossConfig(negatives=3, sample_alpha=0.5, in_batch=True, logq="published"),
    LossConfig(negatives=3, sample_alpha=0.5, in_batch=True, logq="unbiased"),
    *(LossConfig(name=name, negatives=3) for name in ("bpr", "bpr-max", "top1-max", "gbce")),
    LossConfig(name="bpr", negatives=0, in_batch=True),
    LossConfig(name="skip-contrastive", negatives=3),
    LossConfig(name="bpr-max", skip_weights=(0.5, 0.5, 1.0)),
    LossConfig(negatives=3, unlikelihood=0.5),
]


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: f"{loss.name}-{loss.negatives}")
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_descent_lowers_every_loss_of_every_architecture_and_leaves_padding(architecture, loss):
    torch.manual_seed(0)
    config = make_config(architecture, {"items": 8, "length": 5, "width": 8})
    model = make_encoder(config).eval()  # without dropout the same batch costs the same
    sampler = NegativeSampler(HEARD, loss.sample_alpha)
    learned = [weights for weights in model.parameters() if weights.requires_grad]

    def cost() -> torch.Tensor:
        generator = torch.Generator().manual_seed(0)
        return batch_loss(model, ROWS, loss, generator, sampler)

    before = cost()
    slopes = torch.autograd.grad(before, learned, allow_unused=True)
    with torch.no_grad():
        for weights, slope in zip(learned, slopes, strict=True):
            if slope is not None:
                assert slope.isfinite().all()
                weights.sub_(slope, alpha=0.01)
    assert cost() < before
    assert not model.item_embedding.weight[0].any()
