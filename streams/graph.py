"""What an ONNX graph of a bundle may hold, checked before any runtime sees it.

ONNX Runtime loads external files, custom operators and wrongly typed graphs without asking; a
bundle is data from elsewhere, so everything that is not expected is refused. It says nothing about
the numbers inside: sha256 and the golden answers do that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import onnx
from onnx import AttributeProto, ModelProto, TensorProto

from .manifest import BundleError

Shape = Sequence[int | str]  # a number is that size, a name any size
Ports = Mapping[str, tuple[int, Shape]]  # name -> (element type, shape)

INT64, FLOAT, FLOAT16 = int(TensorProto.INT64), int(TensorProto.FLOAT), int(TensorProto.FLOAT16)
_ARITHMETIC = (
    "Abs Add And Ceil Clip Cos Div Equal Erf Exp Floor Gelu Greater GreaterOrEqual IsInf IsNaN "
    "Less LessOrEqual Log Max Mean Min Mod Mul Neg Not Or Pow Reciprocal Relu Sigmoid Sign Sin "
    "Softplus Sqrt Sub Sum Tanh Where"
)
_ALGEBRA = (
    "ArgMax CumSum Einsum GRU Gemm LayerNormalization LogSoftmax MatMul ReduceL2 ReduceMax "
    "ReduceMean ReduceMin ReduceSum Softmax TopK"
)
_SHAPES = (
    "Cast CastLike Concat Constant ConstantOfShape Expand EyeLike Flatten Gather GatherElements "
    "GatherND Identity OneHot Pad Range Reshape ScatterElements ScatterND Shape Size Slice Split "
    "Squeeze Tile Transpose Trilu Unsqueeze"
)
OPERATORS = frozenset(" ".join((_ARITHMETIC, _ALGEBRA, _SHAPES)).split())
"""Plain arithmetic and indexing: no control flow, no randomness, no strings, no files."""
_NESTED = {
    AttributeProto.GRAPH, AttributeProto.GRAPHS, AttributeProto.TYPE_PROTO,
    AttributeProto.TYPE_PROTOS, AttributeProto.SPARSE_TENSOR, AttributeProto.SPARSE_TENSORS,
}  # fmt: skip


def check_graph(file: str, raw: bytes, inputs: Ports, outputs: Ports) -> None:
    """Refuse a graph that is not plain ONNX with exactly these inputs and outputs.

    Raises:
        BundleError: not ONNX, external data, a custom operator or domain, a function, a nested
            graph, an operator that is not on the list, or other names, types or shapes.
    """
    try:
        model = onnx.load_model_from_string(raw)
    except Exception as err:  # protobuf raises its own kinds
        raise BundleError(f"{file} is not an ONNX model: {err}; export it again", "graph") from err
    for fault in _faults(model):
        raise BundleError(f"{file} {fault}; export the bundle with `segue train`", "graph")
    try:
        onnx.checker.check_model(model)
    except Exception as err:  # ValidationError, and what protobuf raises on the way
        raise BundleError(
            f"{file} is not a valid ONNX graph: {err}; export it again", "graph"
        ) from err
    _check_ports(file, "inputs", model.graph.input, inputs)
    _check_ports(file, "outputs", model.graph.output, outputs)


def with_input_type(raw: bytes, name: str, element_type: int) -> bytes:
    """Give the graph with one input of another element type, as a GPU wants the matrix in fp16."""
    model = onnx.load_model_from_string(raw)
    for port in model.graph.input:
        if port.name == name:
            port.type.tensor_type.elem_type = element_type
    return bytes(model.SerializeToString())


def _faults(model: ModelProto) -> Iterator[str]:
    """Say what is not allowed, worst first."""
    if model.functions:
        yield f"defines the function {model.functions[0].name!r}, expected none"
    if model.training_info:
        yield "holds training information, expected none"
    for opset in model.opset_import:
        if opset.domain not in ("", "ai.onnx"):
            yield f"imports the operator domain {opset.domain!r}, expected standard ONNX alone"
    for node in model.graph.node:
        if node.domain not in ("", "ai.onnx"):
            yield f"has the custom operator {node.domain}.{node.op_type}, expected standard ONNX"
        if node.op_type not in OPERATORS:
            yield f"has the operator {node.op_type!r}, which is not on the list of allowed ones"
        for attribute in node.attribute:
            if attribute.type in _NESTED:
                yield f"has a nested graph or type in {node.op_type}.{attribute.name}"
    if model.graph.sparse_initializer:
        yield "has a sparse initializer, expected dense ones"
    for tensor in _tensors(model):
        if tensor.data_location != TensorProto.DEFAULT or tensor.external_data:
            yield f"keeps {tensor.name!r} in an external file, expected all data inside"


def _tensors(model: ModelProto) -> Iterator[TensorProto]:
    yield from model.graph.initializer
    for node in model.graph.node:
        for attribute in node.attribute:
            yield attribute.t
            yield from attribute.tensors


def _check_ports(file: str, side: str, found: Sequence[Any], expected: Ports) -> None:
    names = [port.name for port in found]
    if names != list(expected):
        raise BundleError(
            f"{file} has {side} {names}, expected {list(expected)}; export it again", "graph"
        )
    for port in found:
        kind, shape = expected[port.name]
        tensor = port.type.tensor_type
        got = tuple(
            dim.dim_value if dim.HasField("dim_value") else dim.dim_param
            for dim in tensor.shape.dim
        )
        fits = len(got) == len(shape) and all(
            isinstance(have, str) if isinstance(want, str) else have == want
            for have, want in zip(got, shape, strict=True)
        )
        if tensor.elem_type != kind or not fits:
            raise BundleError(
                f"{file} has {port.name} of type {tensor.elem_type} and shape {list(got)}, "
                f"expected type {kind} and shape {list(shape)}; export it again",
                "graph",
            )
