"""The real architecture through the real export: parity, then service, at every length."""

from dataclasses import asdict

import numpy as np
import pytest
import torch

from export.parity import BATCHES, prove_parity
from export.write import write_bundle
from models.encoders.sasrec import SASRec, SASRecConfig
from streams.bundle import open_bundle
from streams.scoring import OnnxEngine, load_scorer
from streams.settings import ScoringSettings
from tests.bundles import WRITTEN_AT, catalog

CONFIG = SASRecConfig(items=120, length=7, width=16, blocks=2, heads=2)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(3)
    model = SASRec(CONFIG)
    with torch.no_grad():  # scores of a trained model's size, so that 1e-4 is a real bound
        model.item_embedding.weight[1:].normal_()
    return model


@pytest.fixture(scope="module")
def directory(model, tmp_path_factory):
    out = tmp_path_factory.mktemp("models") / "v1"
    write_bundle(
        out,
        name="sasrec",
        version="v1",
        architecture="SASRec",
        config=asdict(CONFIG),
        catalog=catalog(CONFIG.items),
        model=model,
        metrics={},
        training={},
        clock=lambda: WRITTEN_AT,
    )
    return out


def test_sasrec_has_parity_for_batches_of_1_2_and_64_and_every_length(model, directory):
    bundle = open_bundle(directory)
    assert bundle.matrix is not None
    parity = prove_parity(model, OnnxEngine(bundle), bundle.matrix, seed=1)
    assert parity.cases == CONFIG.length * sum(BATCHES)
    assert parity.worst <= 1e-4


def test_sasrec_ranks_through_the_scorer_as_torch_does(model, directory):
    scorer = load_scorer(directory, ScoringSettings())
    rng = np.random.default_rng(0)
    for length in range(1, CONFIG.length + 1):
        items = rng.integers(1, CONFIG.items + 1, length)
        outcomes = rng.integers(0, 5, length)
        history = [
            (f"t{item}", int(outcome)) for item, outcome in zip(items, outcomes, strict=True)
        ]
        (ranking,) = scorer.rank([history])
        padded = torch.zeros(2, 1, CONFIG.length, dtype=torch.int64)
        padded[0, 0, :length] = torch.from_numpy(items)
        padded[1, 0, :length] = torch.from_numpy(outcomes)
        with torch.no_grad():
            session = model.eval()(padded[0], padded[1], torch.tensor([length]))
            scores = (session @ model.item_embedding.weight.T)[0]
        scores[[0, items[-1]]] = -torch.inf
        best = scores.topk(10)
        assert [track for track, _ in ranking.items] == [f"t{item}" for item in best.indices]
        torch.testing.assert_close(
            torch.tensor([score for _, score in ranking.items]), best.values, atol=1e-4, rtol=0
        )
