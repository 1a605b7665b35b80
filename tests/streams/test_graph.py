"""A graph that could reach outside itself, or is not of our form, never comes to a runtime."""

import onnx
import pytest
from onnx import ModelProto, TensorProto, helper

from streams.bundle import BundleError, open_bundle
from tests.bundles import network_files, place, signed


def external_data(model: ModelProto) -> None:
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")


def external_data_in_an_attribute(model: ModelProto) -> None:
    value = helper.make_tensor("hidden", TensorProto.FLOAT, [1], [0.0])
    value.data_location = TensorProto.EXTERNAL
    model.graph.node.append(helper.make_node("Constant", [], ["hidden"], value=value))


def custom_operator(model: ModelProto) -> None:
    model.graph.node[0].domain = "com.microsoft"


def custom_domain(model: ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("com.example", 1))


def function(model: ModelProto) -> None:
    model.functions.append(
        helper.make_function("local", "F", ["x"], ["y"], [], [helper.make_opsetid("", 20)])
    )


def forbidden_operator(model: ModelProto) -> None:
    model.graph.node[0].op_type = "RandomNormal"


def nested_graph(model: ModelProto) -> None:
    branch = helper.make_graph([], "branch", [], [])
    model.graph.node[0].attribute.append(helper.make_attribute("then_branch", branch))


def sparse_initializer(model: ModelProto) -> None:
    model.graph.sparse_initializer.add()


def training_information(model: ModelProto) -> None:
    model.training_info.add()


def another_input_name(model: ModelProto) -> None:
    for node in model.graph.node:
        for at, name in enumerate(node.input):
            node.input[at] = "tracks" if name == "items" else name
    model.graph.input[0].name = "tracks"


def another_input_type(model: ModelProto) -> None:
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.INT32


def another_output(model: ModelProto) -> None:
    model.graph.output.append(
        helper.make_tensor_value_info(model.graph.node[0].output[0], TensorProto.FLOAT, ["B"])
    )


def fixed_batch(model: ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 4


def broken_graph(model: ModelProto) -> None:
    model.graph.node[0].input[0] = "nowhere"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (external_data, "in an external file"),
        (external_data_in_an_attribute, "'hidden' in an external file"),
        (custom_operator, "custom operator com.microsoft"),
        (custom_domain, "operator domain 'com.example'"),
        (function, "defines the function 'F'"),
        (forbidden_operator, "operator 'RandomNormal'"),
        (nested_graph, "nested graph"),
        (sparse_initializer, "sparse initializer"),
        (training_information, "training information"),
        (another_input_name, r"has inputs \['tracks', 'outcomes', 'lengths'\], expected"),
        (another_input_type, "has items of type 6"),
        (another_output, r"has outputs \['session', "),
        (fixed_batch, r"shape \[4, 6\], expected"),
        (broken_graph, "not a valid ONNX graph"),
    ],
)
def test_a_graph_that_is_not_plain_onnx_of_our_form_is_refused(damage, message, tmp_path):
    model = onnx.load_model_from_string(network_files()["encoder.onnx"])
    damage(model)
    files = signed({**network_files(), "encoder.onnx": model.SerializeToString()})
    with pytest.raises(BundleError, match=message):
        open_bundle(place(files, tmp_path))
