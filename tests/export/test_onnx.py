import warnings

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from export.onnx import OPSET, export_encoder, export_rank
from tests.bundles import LENGTH, network_files, tiny_model


def test_the_export_is_quiet_and_leaves_the_model_as_it_was(tmp_path, capfd, caplog):
    model = tiny_model().train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with warnings.catch_warnings(), caplog.at_level("INFO"):
        warnings.simplefilter("error")
        export_encoder(model, LENGTH, tmp_path / "encoder.onnx")
    assert capfd.readouterr() == ("", "")
    assert not caplog.records
    assert model.training
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(tensor, before[name], rtol=0, atol=0)


def test_the_encoder_tells_nothing_of_the_machine_it_was_made_on():
    raw = network_files()["encoder.onnx"]
    model = onnx.load_model_from_string(raw)
    assert not model.metadata_props
    assert not model.graph.metadata_props
    for entry in (*model.graph.node, *model.graph.initializer, *model.graph.input):
        assert not entry.metadata_props
        assert not entry.doc_string
    for secret in (b".py", b"/home", b"stack_trace", b"TinyEncoder", b"torch.ops"):
        assert secret not in raw


@pytest.mark.parametrize("name", ["encoder.onnx", "rank.onnx"])
def test_the_opset_is_pinned_and_standard(name):
    model = onnx.load_model_from_string(network_files()[name])
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", OPSET)]


def test_the_batch_is_free_and_the_length_is_fixed():
    model = onnx.load_model_from_string(network_files()["encoder.onnx"])
    batch, length = model.graph.input[0].type.tensor_type.shape.dim
    assert (batch.dim_param, length.dim_value) == ("B", LENGTH)


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "bias"])
def ranked(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("rank") / "rank.onnx"
    export_rank(4, 5, path, bias=request.param)
    return ort.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    batch=st.integers(1, 4),
    items=st.integers(5, 30),
    exclude=st.lists(st.integers(0, 5), min_size=1, max_size=6),
)
def test_the_best_items_that_are_neither_padding_nor_excluded_are_candidates(
    ranked, seed, batch, items, exclude
):
    rng = np.random.default_rng(seed)
    session = rng.normal(size=(batch, 4)).astype(np.float32)
    matrix = rng.normal(size=(items + 1, 4)).astype(np.float32)
    matrix[0] = 100  # padding would win if it were not masked
    inputs = {"session": session, "matrix": matrix, "exclude": np.array([exclude] * batch)}
    expected = session @ matrix.T
    if len(ranked.get_inputs()) == 4:
        inputs["bias"] = rng.normal(size=items + 1).astype(np.float32)
        expected += inputs["bias"]
    expected[:, [0, *exclude]] = -np.inf
    scores, candidates = ranked.run(["scores", "candidates"], inputs)
    np.testing.assert_allclose(scores, -np.sort(-expected, axis=1)[:, :5], rtol=1e-5, atol=1e-6)
    taken = np.take_along_axis(expected, candidates, axis=1)
    np.testing.assert_allclose(taken, scores, rtol=1e-5, atol=1e-6)
