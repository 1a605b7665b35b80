"""From a data set to a bundle: what the steps hand to each other. (tests/cli has the whole way.)"""

from pathlib import Path

import numpy as np
import pytest

from models.checkpoint import learner_directory
from models.data.canonical import to_frame
from models.data.sources import Source
from models.encoders.sasrec import SASRecConfig
from models.losses.loss import LossConfig
from models.recipe import make_markov, make_network, prepare
from models.registry import Registry
from models.sessions import packed
from models.training.optimisation import Progress
from models.training.schedule import Schedule
from models.training.state import state_directory


def source(sessions: int = 60, name: str = "walks") -> Source:
    """Listeners who walk up thirty tracks; every fifth session repeats the one before."""
    rng = np.random.default_rng(0)
    plays = []
    for i in range(sessions):
        start = rng.integers(0, 30) if i % 5 else 0
        plays.append((f"s{i}", [(f"t{(start + j) % 30}", 1) for j in range(6)]))
    frame = to_frame(packed(plays))
    return Source(name, False, name, lambda: frame)


def test_the_catalog_is_what_the_training_part_holds_most_played_first():
    prepared = prepare(source())
    counts = prepared.catalog.counts
    assert sum(counts) == prepared.training()["occurrences"]
    assert list(counts) == sorted(counts, reverse=True)
    assert min(counts) >= 1
    assert prepared.valid.track_ids == prepared.catalog.track_ids


def test_duplicates_are_dropped_before_the_split():
    prepared = prepare(source())
    everything = [part.session(i)[0].tobytes() for part in prepared.parts for i in range(len(part))]
    assert len(everything) == len(set(everything)) == prepared.split.sessions < 60


def test_too_little_data_is_refused_with_its_numbers():
    with pytest.raises(ValueError, match="walks has 2 distinct sessions, of which 2 are to train"):
        prepare(source(2))


def test_an_existing_bundle_is_refused_before_training(tmp_path):
    with pytest.raises(ValueError, match="a bundle is never changed"):
        make_network(
            prepare(source()),
            tmp_path,
            SASRecConfig(items=5),
            name="x",
            loss=LossConfig(),
            schedule=Schedule(epochs=9999),
        )


def test_an_interrupted_training_goes_on_and_its_state_goes_once_the_bundle_is_written(tmp_path):
    """The weights that a learner keeps are those of a training without a stop, bit for bit."""
    prepared, said = prepare(source()), list[str]()

    def make(out: Path, progress: Progress = lambda step: None) -> None:
        make_network(
            prepared,
            out,
            SASRecConfig(items=prepared.train.n_items, length=6, width=8, heads=2),
            name="sasrec",
            loss=LossConfig(),
            schedule=Schedule(epochs=3, batch=8),
            progress=progress,
            say=said.append,
        )

    def stop(step):
        if step.epoch == 2:
            raise KeyboardInterrupt

    make(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "v1", stop)
    assert state_directory(tmp_path / "v1").exists()
    assert not (tmp_path / "v1").exists()
    make(tmp_path / "v1")
    assert any("going on with the training that" in line for line in said)
    one, two = (learner_directory(tmp_path / out) for out in ("whole", "v1"))
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"whole", "whole.learner", "v1", "v1.learner"}
    weights = [(folder / "weights.safetensors").read_bytes() for folder in (one, two)]
    assert weights[0] == weights[1]


def test_what_is_written_into_the_registry_can_be_found_there(tmp_path):
    made = make_markov(prepare(source()), tmp_path / "markov" / "v1", name="markov")
    listed = Registry(tmp_path).newest("markov")
    assert listed is not None
    assert (listed.version, made.manifest.version) == ("v1", "v1")
