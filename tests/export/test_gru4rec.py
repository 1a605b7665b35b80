"""GRU4Rec through the real export: every input has parity, and the graph's GRU is torch's."""

from typing import Any

import onnx
import pytest
import torch

from export.onnx import export_encoder
from export.parity import BATCHES, prove_parity
from export.write import write_bundle
from models.encoders.gru4rec import INPUTS, GRU4Rec, GRU4RecConfig
from streams.bundle import open_bundle
from streams.scoring import OnnxEngine
from tests.bundles import WRITTEN_AT, catalog

FEATURES = 6


def trained(inputs: Any, layers: int) -> GRU4Rec:
    """A model whose scores are of a trained one's size, so that 1e-4 is a real bound."""
    torch.manual_seed(3)
    reads = inputs.startswith("content")
    config = GRU4RecConfig(
        items=60, length=5, width=16, layers=layers, inputs=inputs,
        features=FEATURES if reads else 0, item_bias=True,
    )  # fmt: skip
    model = GRU4Rec(config, torch.randn(61, FEATURES) if reads else None)
    with torch.no_grad():
        for weights in model.parameters():
            if weights.requires_grad:
                weights.normal_()
    return model


@pytest.mark.parametrize(("inputs", "layers"), [*((name, 1) for name in INPUTS), ("one-hot", 2)])
def test_every_input_has_parity_for_batches_of_1_2_and_64_and_every_length(
    inputs, layers, tmp_path
):
    model = trained(inputs, layers)
    write_bundle(
        tmp_path / "v1",
        name="gru4rec",
        version="v1",
        architecture="gru4rec",
        config=vars(model.config),
        catalog=catalog(60),
        model=model,
        metrics={},
        training={},
        clock=lambda: WRITTEN_AT,
    )
    bundle = open_bundle(tmp_path / "v1")
    assert bundle.matrix is not None
    assert bundle.bias is not None
    parity = prove_parity(model, OnnxEngine(bundle), bundle.matrix, bundle.bias, seed=1)
    assert parity.cases == 5 * sum(BATCHES)
    assert parity.worst <= 1e-4


def test_the_reset_gate_comes_after_the_recurrent_product(tmp_path):
    """An exporter that leaves the attribute out is wrong by .1 and says nothing."""
    export_encoder(trained("constrained", 1), 5, tmp_path / "encoder.onnx")
    (gru,) = [n for n in onnx.load(tmp_path / "encoder.onnx").graph.node if n.op_type == "GRU"]
    assert {a.name: a.i for a in gru.attribute}["linear_before_reset"] == 1
