"""Item embeddings from elsewhere: where a model begins, what moves and what does not."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.encoders.architectures import ARCHITECTURES, make_config, make_encoder
from models.items.item_start import brought_to, check_split, item_start
from models.items.track_embeddings import TrackEmbeddings
from models.losses.loss import LossConfig
from models.split import Split
from models.training.optimisation import Step, Trained
from models.training.schedule import Schedule
from models.training.train import train

from ..training.test_train import CONFIG, SHORT, TRACKS, TRAIN, VALID

SIZES = {"items": 12, "length": 6, "width": 16}
SPLIT = Split(data="walks", simulated=False, sessions=60, seed=3)


def embedded(tracks=TRACKS, width=16, **about) -> TrackEmbeddings:
    drawn = np.random.default_rng(5).standard_normal((len(tracks), width)) * 7 + 3
    return TrackEmbeddings(tuple(tracks), drawn.astype(np.float32), about)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_known_tracks_begin_as_the_file_has_them_and_as_widely_spread_as_usual(architecture):
    model = make_encoder(make_config(architecture, SIZES))
    usual = model.item_embedding.weight.detach().clone()
    item_start(embedded([*reversed(TRACKS[:8]), "elsewhere"]), TRACKS, 16).placed(model)
    began = model.item_embedding.weight.detach()
    file = torch.from_numpy(embedded([*reversed(TRACKS[:8]), "elsewhere"]).matrix[:8]).flip(0)
    file -= file.mean(dim=0)
    torch.testing.assert_close(began[1:9], file / file.std(correction=0) * usual[1:].std())
    torch.testing.assert_close(began[9:], usual[9:], rtol=0, atol=0)
    assert not began[0].any()


@pytest.mark.parametrize(
    ("architecture", "changes"),
    [(name, {}) for name in ARCHITECTURES]
    + [("gru4rec", {"mode": "session-parallel", "shape": "constant"})],
    ids=[*ARCHITECTURES, "session-parallel"],
)
def test_frozen_rows_never_move_and_the_others_learn(architecture, changes):
    start = item_start(embedded(TRACKS[:8]), TRACKS, 16, frozen=True)
    config = make_config(architecture, SIZES)
    torch.manual_seed(0)
    before = make_encoder(config)
    start.placed(before)
    schedule = Schedule(epochs=2, batch=16, weight_decay=0.1, **changes)
    trained = train(TRAIN, VALID, config, LossConfig(), schedule, seed=0, start=start)
    table, began = trained.model.item_embedding.weight, before.item_embedding.weight
    assert torch.equal(table[1:9], began[1:9])
    assert (table[9:] != began[9:]).any(dim=1).all()


def test_rows_that_are_not_frozen_learn_too():
    start = item_start(embedded(), TRACKS, 16)
    trained = train(TRAIN, VALID, CONFIG, LossConfig(), SHORT, seed=0, start=start)
    assert (trained.model.item_embedding.weight[1:] != start.rows * 0.1).any(dim=1).all()


def test_a_frozen_training_goes_on_after_a_kill_to_the_same_numbers(tmp_path):
    start = item_start(embedded(TRACKS[:8]), TRACKS, 16, frozen=True)

    class Killed(Exception):
        pass

    def kill(step: Step) -> None:
        if step.done == 5:
            raise Killed

    def run(**arguments: Any) -> Trained:
        return train(TRAIN, VALID, CONFIG, LossConfig(), SHORT, seed=0, start=start, **arguments)

    with pytest.raises(Killed):
        run(checkpoint=tmp_path / "x", checkpoint_every=0.0, progress=kill)
    whole, resumed = run(), run(checkpoint=tmp_path / "x")
    for name, weights in whole.model.state_dict().items():
        assert torch.equal(weights, resumed.model.state_dict()[name]), name
    other = item_start(embedded(TRACKS[:7]), TRACKS, 16, frozen=True)
    with pytest.raises(ValueError, match="start"):
        train(TRAIN, VALID, CONFIG, LossConfig(), SHORT, start=other, checkpoint=tmp_path / "x")


def test_what_gru4rec_reads_begins_with_what_it_scores():
    model = make_encoder(make_config("gru4rec", {**SIZES, "inputs": "embedding"}))
    item_start(embedded(), TRACKS, 16).placed(model)
    scored, read = model.track_tables()
    torch.testing.assert_close(scored[1:] / scored.std(), read[1:] / read.std(), rtol=0.2, atol=0.1)


@given(own=st.integers(1, 9), width=st.integers(9, 20))
def test_a_wider_table_keeps_every_inner_product(own, width):
    matrix = np.random.default_rng(own).standard_normal((20, own)).astype(np.float32)
    centred, brought = matrix - matrix.mean(axis=0), brought_to(matrix, width)
    assert brought.shape == (20, width)
    np.testing.assert_allclose(brought @ brought.T, centred @ centred.T, atol=1e-4)


def test_a_narrower_table_keeps_what_varies_most():
    rng = np.random.default_rng(0)
    wide = rng.standard_normal((50, 3)) @ rng.standard_normal((3, 9)) + 1e-3 * rng.random((50, 9))
    matrix = wide.astype(np.float32)
    centred, brought = matrix - matrix.mean(axis=0), brought_to(matrix, 3)
    np.testing.assert_allclose(brought @ brought.T, centred @ centred.T, atol=0.01)


def test_a_file_of_other_tracks_is_refused_with_what_stands_in_both():
    with pytest.raises(ValueError, match="have 1: 't0' … stands there, 't0' … here"):
        item_start(embedded(["t0", "x"]), TRACKS, 16)


def test_known_tracks_of_one_point_are_refused():
    matrix = embedded([*TRACKS, "x"]).matrix.copy()
    matrix[:12] = 1
    with pytest.raises(ValueError, match="embedded as one point"):
        item_start(TrackEmbeddings((*TRACKS, "x"), matrix), TRACKS, 16)


def test_rows_of_another_width_than_the_model_are_refused():
    with pytest.raises(ValueError, match="width 8 for a model of width 16"):
        item_start(embedded(), TRACKS, 8).placed(make_encoder(make_config("sasrec", SIZES)))


def test_embeddings_of_the_same_training_part_pass_and_of_another_are_refused():
    record = SPLIT.record()
    assert check_split(embedded(split=record), SPLIT) is None
    assert check_split(embedded(split=record | {"data": "playlists", "seed": 9}), SPLIT) is None
    with pytest.raises(ValueError, match="seed 9 there and 3 here"):
        check_split(embedded(split=record | {"seed": 9}), SPLIT)


def test_embeddings_that_do_not_say_where_they_are_from_are_taken_with_a_warning():
    assert "does not say from which sessions" in (check_split(embedded(), SPLIT) or "")
