"""BERT4Rec through the real export: parity at every length, [MSK] and bias among it."""

from dataclasses import asdict

import torch

from export.parity import BATCHES, prove_parity
from export.write import write_bundle
from models.encoders.bert4rec import BERT4Rec, BERT4RecConfig
from streams.bundle import open_bundle
from streams.scoring import OnnxEngine
from tests.bundles import WRITTEN_AT, catalog

CONFIG = BERT4RecConfig(items=120, length=7, width=16, blocks=2, heads=2)


def test_bert4rec_has_parity_for_batches_of_1_2_and_64_and_every_length(tmp_path):
    torch.manual_seed(3)
    model = BERT4Rec(CONFIG)
    with torch.no_grad():  # scores of a trained model's size, so that 1e-4 is a real bound
        for weights in (model.item_embedding.weight[1:], model.item_bias, model.mask_embedding):
            weights.normal_()
    write_bundle(
        tmp_path / "v1",
        name="bert4rec",
        version="v1",
        architecture="bert4rec",
        config=asdict(CONFIG),
        catalog=catalog(CONFIG.items),
        model=model,
        metrics={},
        training={},
        clock=lambda: WRITTEN_AT,
    )
    bundle = open_bundle(tmp_path / "v1")
    assert bundle.matrix is not None
    parity = prove_parity(model, OnnxEngine(bundle), bundle.matrix, bundle.bias, seed=1)
    assert parity.cases == CONFIG.length * sum(BATCHES)
    assert parity.worst <= 1e-4
