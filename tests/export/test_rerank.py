"""The graph of a second stage raises what torch raises, or is not given."""

import pytest
import torch

from export import rerank
from export.rerank import rerank_graph
from export.write import write_bundle
from models.second_stage.rerank import Reranker
from streams import scoring
from streams.bundle import BundleError
from tests.bundles import LENGTH, catalog, tiny_counts, tiny_model, tiny_second_stage


def perceptron() -> Reranker:
    torch.manual_seed(1)
    model = Reranker(16, 0.5)
    for weights in model.parameters():
        torch.nn.init.normal_(weights, std=0.4)
    model.mean.normal_()
    model.deviation.uniform_(0.1, 3)
    return model.eval()


def test_it_is_the_same_bytes_from_the_same_weights():
    assert rerank_graph(perceptron()) == rerank_graph(perceptron())


@pytest.mark.parametrize("name", ["candidate", "session", "hidden", "output", "linear"])
def test_other_weights_than_torch_has_are_noticed(name, monkeypatch):
    model, perceptron_of = perceptron(), scoring.perceptron

    def other(raw: bytes) -> object:
        with torch.no_grad():
            getattr(model, name).weight[0, 0] += 0.5
        return perceptron_of(raw)

    monkeypatch.setattr(rerank, "perceptron", other)
    with pytest.raises(BundleError, match="no parity: the second stage differs"):
        rerank_graph(model)


def test_weights_that_are_not_finite_are_refused():
    model = perceptron()
    with torch.no_grad():
        model.hidden.weight[0, 0] = torch.nan
    with pytest.raises(BundleError, match=r"'hidden.weight' of the second stage are not finite"):
        rerank_graph(model)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": None, "length": None}, "stands behind a model, got counts alone"),
        ({"catalog": catalog(99)}, "of 150 tracks, expected 100 or more"),
    ],
)
def test_a_second_stage_that_fits_nothing_is_refused(changes, message, tmp_path):
    given = {"model": tiny_model(), "catalog": catalog(), "length": LENGTH, **changes}
    if given["model"] is None:
        given["counts"] = tiny_counts()
    with pytest.raises(ValueError, match=message):
        write_bundle(
            tmp_path / "out", name="m", architecture="x", config={}, metrics={}, training={},
            second_stage=tiny_second_stage(), **given,
        )  # fmt: skip
