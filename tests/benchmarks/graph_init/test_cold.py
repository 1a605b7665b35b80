"""Withheld tracks: in no training session, and asked for all the same."""

import numpy as np
import torch

from benchmarks.graph_init.cold import Withheld, asked, drawn_rows, placed_rows
from models.data.sources import open_source
from models.encoders.architectures import make_config, make_encoder
from models.encoders.encoder import Encoder
from models.recipe import prepare
from tests.colistening import factorised

PREPARED = prepare(open_source("simulated:sessions=120,tracks=100,seed=1"))
WITHHELD = Withheld.of(PREPARED, 0.1, seed=0)


def model() -> Encoder:
    torch.manual_seed(0)
    return make_encoder(make_config("sasrec", {"items": WITHHELD.warm, "width": 16, "heads": 2}))


def test_cold_tracks_are_in_no_training_or_validation_session():
    cold = set(WITHHELD.cold)
    assert len(cold) == int(0.1 * PREPARED.train.n_items)
    assert not cold & set(WITHHELD.train.track_ids)
    assert (WITHHELD.train.items > 0).all()
    assert set(WITHHELD.test.track_ids) == set(PREPARED.train.track_ids)
    assert (WITHHELD.test.items > WITHHELD.warm).any()


def test_another_seed_withholds_others():
    assert set(Withheld.of(PREPARED, 0.1, seed=1).cold) != set(WITHHELD.cold)


def test_every_cold_track_is_placed_and_a_drawn_row_is_as_wide_as_known_ones():
    graph = factorised(PREPARED.train, 8)
    encoder = model()
    own = encoder.item_embedding.weight.detach()[1:]
    placed, drawn = placed_rows(encoder, WITHHELD, graph), drawn_rows(encoder, 500, 0)
    assert placed.shape == (len(WITHHELD.cold), 16)
    assert placed.isfinite().all()
    assert len({tuple(row) for row in placed.tolist()}) == len(placed)
    assert abs(float(drawn.std() / own.std()) - 1) < 0.05


def test_every_next_track_is_asked_for_cold_ones_too():
    encoder = model()
    found = asked(encoder, WITHHELD, drawn_rows(encoder, len(WITHHELD.cold), 0))
    assert len(found.ranks) == len(found.target) == int((WITHHELD.test.lengths - 1).sum())
    assert (found.target > WITHHELD.warm).any()
    assert np.all(found.ranks >= 1)
