"""The two graphs of a bundle: the encoder, exported from torch, and the ranking, built by hand.

Neither proves that it computes what torch does: parity.py does.
"""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import ModelProto, NodeProto, TensorProto, helper
from torch import nn

OPSET = 20  # the last before opset 23's Attention, whose meaning was changed after its release
IR = 10
_EXAMPLE_BATCH = 4  # at 1 the exporter takes the batch size for a constant


def export_encoder(model: nn.Module, length: int, path: Path) -> None:
    """Write `encoder.onnx`: items, outcomes (B, T) and lengths (B,) -> session (B, D).

    T is fixed at `length`, B is free. Takes seconds, and says nothing meanwhile. The model itself
    is not touched: a copy on the CPU, in evaluation mode, is exported.
    """
    encoder = copy.deepcopy(model).cpu().eval()
    shape = (_EXAMPLE_BATCH, length)
    example = (
        torch.ones(shape, dtype=torch.int64),  # items
        torch.ones(shape, dtype=torch.int64),  # outcomes
        torch.full((_EXAMPLE_BATCH,), length, dtype=torch.int64),
    )
    batch = torch.export.Dim("B", min=1)
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            encoder,
            example,
            dynamo=True,
            opset_version=OPSET,
            external_data=False,
            verbose=False,
            input_names=["items", "outcomes", "lengths"],
            output_names=["session"],
            dynamic_shapes=({0: batch}, {0: batch}, {0: batch}),
        )
    if program is None:
        raise RuntimeError("torch.onnx.export gave no program; is dynamo export available?")
    exported = program.model_proto
    _strip(exported)
    path.write_bytes(exported.SerializeToString(deterministic=True))


def export_rank(
    width: int, cutoff: int, path: Path, *, bias: bool = False, weight: float | None = None
) -> None:
    """Write `rank.onnx`: session (B, D), matrix (N + 1, D), exclude (B, M) -> scores, candidates.

    A hybrid's has followers and weights (B, S) besides, and the `weight` of all counts
    (streams/followers.py).

    Built node by node and not traced from torch: it is six operators, and so the opset, the
    constant k of TopK and the free sizes N and M are as written here, in milliseconds. CastLike
    does nothing in fp32; a provider that keeps the matrix in fp16 changes that one input's type.
    Padding is masked with the excluded items: `exclude` is widened by a column of zeros.
    """
    node = helper.make_node
    network = "biased" if bias else "logits"
    nodes = [
        node("CastLike", ["session", "matrix"], ["query"]),
        node("Gemm", ["query", "matrix"], ["product"], transB=1),  # (B, N + 1)
        node("Cast", ["product"], ["logits"], to=TensorProto.FLOAT),
        node("Pad", ["exclude", "one_column"], ["masked"]),  # (B, M + 1)
        node("Shape", ["masked"], ["masked_shape"]),
        node("Expand", ["minus_infinity", "masked_shape"], ["nothing"]),
        node("ScatterElements", [network if weight is None else "blended", "masked", "nothing"],
             ["allowed"], axis=1),
        node("TopK", ["allowed", "k"], ["scores", "candidates"], axis=1, largest=1, sorted=1),
    ]  # fmt: skip
    value = helper.make_tensor_value_info
    inputs = [
        value("session", TensorProto.FLOAT, ["B", width]),
        value("matrix", TensorProto.FLOAT, ["N", width]),
        value("exclude", TensorProto.INT64, ["B", "M"]),
    ]
    if bias:
        nodes.insert(3, node("Add", ["logits", "bias"], ["biased"]))
        inputs.append(value("bias", TensorProto.FLOAT, ["N"]))
    constants = [
        helper.make_tensor("one_column", TensorProto.INT64, [4], [0, 1, 0, 0]),
        helper.make_tensor("minus_infinity", TensorProto.FLOAT, [], [-np.inf]),
        helper.make_tensor("k", TensorProto.INT64, [1], [cutoff]),
    ]
    if weight is not None:
        nodes[-5:-5] = _blending(network)
        inputs += [
            value("followers", TensorProto.INT64, ["B", "S"]),
            value("weights", TensorProto.FLOAT, ["B", "S"]),
        ]
        constants += [
            helper.make_tensor("one", TensorProto.FLOAT, [], [1.0]),
            helper.make_tensor("weight", TensorProto.FLOAT, [], [weight]),
        ]
    graph = helper.make_graph(
        nodes,
        "rank",
        inputs,
        [
            value("scores", TensorProto.FLOAT, ["B", cutoff]),
            value("candidates", TensorProto.INT64, ["B", cutoff]),
        ],
        constants,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR, producer_name="segue"
    )
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))


def _blending(network: str) -> list[NodeProto]:
    """Give the nodes that add the counts to the network's scores, (B, N + 1).

    Where a track follows in several steps, `sums` (B, S) has all of them at each of its places, so
    that it does not matter which of them is written last.
    """
    node = helper.make_node
    return [
        node("Sub", [network, network], ["zeros"]),
        node("ScatterElements", ["zeros", "followers", "weights"], ["counted"], axis=1,
             reduction="add"),
        node("GatherElements", ["counted", "followers"], ["sums"], axis=1),
        node("Add", ["sums", "one"], ["more"]),
        node("Log", ["more"], ["logarithm"]),
        node("Mul", ["logarithm", "weight"], ["raise"]),
        node("GatherElements", [network, "followers"], ["unraised"], axis=1),
        node("Add", ["unraised", "raise"], ["raised"]),
        node("ScatterElements", [network, "followers", "raised"], ["blended"], axis=1),
    ]  # fmt: skip


def _strip(model: ModelProto) -> None:
    """Remove what the exporter tells of this machine: stack traces, paths, class names."""
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    del model.graph.value_info[:]
    model.doc_string = model.graph.doc_string = ""
    graph = model.graph
    for entry in (*graph.node, *graph.initializer, *graph.input, *graph.output):
        del entry.metadata_props[:]
        entry.doc_string = ""


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's remarks about itself off the terminal and out of the warnings."""
    chatty = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in chatty]
    for logger in chatty:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(chatty, levels, strict=True):
            logger.setLevel(level)
