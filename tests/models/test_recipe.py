"""From a data set to a bundle: what the steps hand to each other. (tests/cli has the whole way.)"""

import numpy as np
import pytest

from models.data.canonical import to_frame
from models.data.sources import Source
from models.losses import LossConfig
from models.optimisation import Schedule
from models.recipe import evaluate_bundle, make_markov, make_network, prepare, version_for
from models.registry import Registry
from models.sasrec import SASRecConfig
from models.sessions import packed
from streams.bundle import open_bundle


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


def test_a_bundle_is_ranked_on_its_own_test_sessions(tmp_path):
    made = make_markov(prepare(source(), seed=7), tmp_path / "v1", name="markov")
    served, popular, markov = evaluate_bundle(tmp_path / "v1", source())
    assert served.ranks.tolist() == markov.ranks.tolist()
    assert (markov.ranks == 1).mean() > (popular.ranks == 1).mean()
    assert open_bundle(tmp_path / "v1").manifest.metrics == made.manifest.metrics


def test_data_of_another_name_is_refused(tmp_path):
    make_markov(prepare(source()), tmp_path / "v1", name="markov")
    with pytest.raises(ValueError, match="was trained on 'walks', got 'other'"):
        evaluate_bundle(tmp_path / "v1", source(name="other"))


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


@pytest.mark.parametrize(
    ("place", "version"),
    [("registry/sasrec/v1", "v1"), ("registry/other/v1", None), ("v1", None)],
)
def test_a_folder_of_the_registry_says_the_version(tmp_path, place, version):
    assert version_for(tmp_path / place, "sasrec") == version


def test_a_folder_that_cannot_be_a_version_is_refused_before_training(tmp_path):
    with pytest.raises(ValueError, match="version 'v 1': expected 1 to 64"):
        version_for(tmp_path / "sasrec" / "v 1", "sasrec")


def test_what_is_written_into_the_registry_can_be_found_there(tmp_path):
    made = make_markov(prepare(source()), tmp_path / "markov" / "v1", name="markov")
    listed = Registry(tmp_path).newest("markov")
    assert listed is not None
    assert (listed.version, made.manifest.version) == ("v1", "v1")
