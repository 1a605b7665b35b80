"""A bundle is asked about its own test sessions, and about no other data."""

import pytest

from models.evaluation.bundle_evaluation import evaluate_bundle
from models.recipe import make_markov, prepare
from streams.bundle import open_bundle

from ..test_recipe import source


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
