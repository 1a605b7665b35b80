"""A bundle with tracks that its training never saw: served, verified, and learned from again."""

from pathlib import Path

import numpy as np
import pytest
import torch

from models.checkpoint import learner_directory, load_learner
from models.items.extension import extend
from models.items.track_embeddings import TrackEmbeddings
from streams.bundle import Bundle, open_bundle
from streams.scoring import load_scorer
from streams.settings import ScoringSettings
from tests.bundles import (
    WRITTEN_AT,
    counts_files,
    hybrid_files,
    network_files,
    place,
    two_stage_files,
)
from tests.learners import place_base

SETTINGS = ScoringSettings(provider="cpu")


def beside(bundle: Bundle, *cold: str, like: int = 3) -> TrackEmbeddings:
    """A file of the bundle's own rows turned round; each cold track stands where `like` does."""
    assert bundle.matrix is not None
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((bundle.manifest.width,) * 2))[0]
    rows = np.concatenate([bundle.matrix[1:], bundle.matrix[[like] * len(cold)]])
    return TrackEmbeddings((*bundle.catalog.track_ids, *cold), (rows @ turn).astype(np.float32))


@pytest.mark.parametrize(
    "files",
    [network_files, hybrid_files, two_stage_files],
    ids=["network", "hybrid", "two-stage"],
)
@pytest.mark.parametrize("by", ["neighbours", "map"])
def test_an_extended_bundle_serves_and_its_encoder_is_the_old_one(files, by, tmp_path):
    old = open_bundle(place(files(), tmp_path / "old"))
    found = extend(old.path, beside(old, "new"), tmp_path / "new", by=by, clock=lambda: WRITTEN_AT)
    scorer = load_scorer(tmp_path / "new", SETTINGS)  # golden answers and sweep are the new ones
    new = scorer.bundle
    assert (found.added, found.known, found.learner) == (1, 150, None)
    assert new.encoder == old.encoder
    assert new.manifest.parent == old.manifest.version
    assert new.catalog.track_ids == (*old.catalog.track_ids, "new")
    assert new.manifest.training["extended"]["by"] == by
    assert new.reads is not None
    assert new.reads[-1] == 3  # it stands where t3 does
    assert scorer.rank([[("new", 1)]])[0].fallback is None


def test_to_a_second_stage_a_new_track_is_one_without_plays_that_is_skipped_as_all_are(tmp_path):
    old = open_bundle(place(two_stage_files(), tmp_path / "old"))
    extend(old.path, beside(old, "new"), tmp_path / "new")
    before, after = old.second_stage, open_bundle(tmp_path / "new").second_stage
    assert before is not None
    assert after is not None
    assert after.graph == before.graph
    assert np.array_equal(after.continuations.keys, before.continuations.keys)
    assert after.skips.tolist() == [*before.skips.tolist(), before.skips[0]]


def test_a_new_track_is_read_as_its_nearest_and_offered_by_its_own_row(tmp_path):
    old = open_bundle(place(network_files(), tmp_path / "old"))
    extend(old.path, beside(old, "new"), tmp_path / "new", by="map")
    before = load_scorer(old.path, SETTINGS)
    after = load_scorer(tmp_path / "new", SETTINGS)
    (as_three,) = before.rank([[("t9", 1), ("t3", 1), ("t5", 1)]])
    (as_new,) = after.rank([[("t9", 1), ("new", 1), ("t5", 1)]])
    kept = [pair for pair in as_new.items if pair[0] != "new"]
    assert kept == list(as_three.items[: len(kept)])
    assert len(kept) >= 9


def test_an_extended_bundle_can_be_extended_again(tmp_path):
    old = open_bundle(place(network_files(), tmp_path / "old"))
    extend(old.path, beside(old, "a"), tmp_path / "a")
    second = extend(tmp_path / "a", beside(old, "a", "b", like=7), tmp_path / "b")
    new = open_bundle(tmp_path / "b")
    assert (second.added, second.known) == (1, 150)  # only what the encoder knows is leaned on
    assert new.reads is not None
    assert new.reads[-2:].tolist() == [3, 7]


def test_the_learner_beside_it_goes_on_with_the_new_tracks(tmp_path):
    old = open_bundle(place_base(tmp_path))
    out = old.path.with_name("wider")
    found = extend(old.path, beside(old, "new-1", "new-2"), out)
    assert found.manifest.version == "wider"
    learner = load_learner(learner_directory(out))
    new = open_bundle(out)
    assert learner.track_ids == new.catalog.track_ids
    torch.testing.assert_close(
        learner.model.item_embedding.weight.detach(), torch.from_numpy(new.matrix)
    )


def test_a_file_without_a_further_track_is_refused(tmp_path):
    old = open_bundle(place(network_files(), tmp_path / "old"))
    with pytest.raises(ValueError, match="nothing to add"):
        extend(old.path, beside(old), tmp_path / "new")


def test_a_file_of_other_music_is_refused(tmp_path):
    old = open_bundle(place(network_files(), tmp_path / "old"))
    other = TrackEmbeddings(("x", "y"), np.eye(2, dtype=np.float32))
    with pytest.raises(ValueError, match="0 tracks are known to both"):
        extend(old.path, other, tmp_path / "new")


def test_counts_have_nothing_to_extend(tmp_path):
    path: Path = place(counts_files(), tmp_path / "old")
    other = TrackEmbeddings(("t1", "x"), np.eye(2, dtype=np.float32))
    with pytest.raises(ValueError, match="counts alone"):
        extend(path, other, tmp_path / "new")
