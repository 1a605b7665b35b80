"""A learner comes back as it was saved, or not at all."""

import pytest
import torch

from models.checkpoint import learner_directory, load_learner, save_learner
from models.counting.markov import MarkovConfig
from models.encoders.sasrec import SASRec, SASRecConfig
from models.hybrid import Counted, HybridConfig
from models.losses.loss import LossConfig
from models.sessions import packed

TRACKS = ("a", "b", "c")
LOSS = LossConfig(name="skip-contrastive", context="item", strengths=(1,))
REPLAY = packed([("s1", [("a", 1), ("b", 4)]), ("s2", [("c", 0), ("a", 2)])])
ANCHOR = packed([("s3", [("b", 1), ("unknown to the model", 3)])])


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(0)
    model = SASRec(SASRecConfig(items=3, length=4, width=8, heads=2))
    directory = learner_directory(tmp_path / "v1")
    save_learner(
        directory, model, TRACKS,
        loss=LOSS, replay=REPLAY, anchor=ANCHOR, training={"data": "mine", "split": {"seed": 1}},
    )  # fmt: skip
    return directory, model


def test_a_learner_lies_beside_its_bundle(tmp_path):
    assert learner_directory(tmp_path / "sasrec" / "v1") == tmp_path / "sasrec" / "v1.learner"


def test_everything_comes_back(saved):
    directory, model = saved
    found = load_learner(directory)
    assert found.model.config == model.config
    assert not found.model.training
    for name, weight in model.state_dict().items():
        assert torch.equal(found.model.state_dict()[name], weight)
    assert (found.track_ids, found.loss) == (TRACKS, LOSS)
    assert found.training == {"data": "mine", "split": {"seed": 1}}
    assert found.replay.same_as(REPLAY)
    assert found.anchor.same_as(ANCHOR)  # with the track that the model does not know


def test_what_a_hybrid_has_counted_comes_back(saved):
    directory, model = saved
    config = HybridConfig(markov=MarkovConfig(decays=(1.0, 0.5)), weight=0.3)
    counted = Counted.of(REPLAY.reindexed(TRACKS), config)
    save_learner(
        directory, model, TRACKS,
        loss=LOSS, replay=REPLAY, anchor=ANCHOR, training={}, counted=counted,
    )  # fmt: skip
    found = load_learner(directory).counted
    assert found is not None
    assert found.config == config
    assert found.steps.weights.tolist() == counted.steps.weights.tolist() == [1, 1]
    (directory / "steps.parquet").unlink()
    with pytest.raises(ValueError, match="no learner that can be read"):
        load_learner(directory)


def test_nothing_else_is_left_behind(saved):
    directory, _ = saved
    assert sorted(path.name for path in directory.iterdir()) == [
        "anchor.parquet", "config.json", "replay.parquet", "weights.safetensors",
    ]  # fmt: skip
    assert [path.name for path in directory.parent.iterdir()] == [directory.name]


def test_a_second_save_replaces_the_first(saved):
    directory, model = saved
    save_learner(
        directory, model, TRACKS, loss=LossConfig(), replay=ANCHOR, anchor=REPLAY, training={}
    )
    assert load_learner(directory).replay.same_as(ANCHOR)


@pytest.mark.parametrize("name", ["anchor.parquet", "config.json", "weights.safetensors"])
@pytest.mark.parametrize("damage", ["missing", "cut", "empty"])
def test_a_damaged_learner_is_refused_by_name(saved, name, damage):
    directory, _ = saved
    file = directory / name
    raw = file.read_bytes()
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(raw[: len(raw) // 2] if damage == "cut" else b"")
    with pytest.raises(ValueError, match=r"v1\.learner is no learner .* train the model again"):
        load_learner(directory)


def test_another_format_is_refused(saved):
    directory, _ = saved
    config = directory / "config.json"
    config.write_bytes(config.read_bytes().replace(b'"format": 1', b'"format": 9'))
    with pytest.raises(ValueError, match="format 9"):
        load_learner(directory)


def test_track_ids_that_do_not_fit_the_model_are_refused(saved, tmp_path):
    _, model = saved
    with pytest.raises(ValueError, match="3 items, got 2 track ids"):
        save_learner(
            tmp_path / "x", model, TRACKS[:2],
            loss=LOSS, replay=REPLAY, anchor=ANCHOR, training={},
        )  # fmt: skip
