# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from mgn_fast.errors import ModelError
from mgn_fast.models import wire
from mgn_fast.simulator.onnx_graph import Graph, Node, with_metadata, with_outputs
from support.late import late
from support.small_network import write_small_network
from support.tiny_model import write_tiny_model

TensorProto = late("onnx.TensorProto")
helper = late("onnx.helper")
numpy_helper = late("onnx.numpy_helper")
onnx = late("onnx")


@pytest.mark.parametrize("write", [write_small_network, write_tiny_model])
def test_what_is_read_and_written_is_the_same_model(tmp_path, write):
    write(tmp_path / "m.onnx")
    content = (tmp_path / "m.onnx").read_bytes()
    again = onnx.load_from_string(Graph(content).written())
    before = onnx.load_from_string(content)
    weights = {entry.name: numpy_helper.to_array(entry) for entry in before.graph.initializer}
    assert {entry.name for entry in again.graph.initializer} == weights.keys()
    for entry in again.graph.initializer:
        assert np.array_equal(numpy_helper.to_array(entry), weights[entry.name])
    for model in (again, before):
        del model.graph.initializer[:]
    assert again == before


def held_as(form):
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    if form == "raw":
        return numpy_helper.from_array(values, "w"), values
    return helper.make_tensor("w", TensorProto.FLOAT, (2, 3), values.ravel().tolist()), values


def model_with(nodes, weights, listed=()):
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("x", "y")]
    inputs = [ends[0], *(helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in listed)]
    graph = helper.make_graph(nodes, "g", inputs, ends[1:], weights)
    opsets = [helper.make_opsetid("", 12), helper.make_opsetid("other", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=7).SerializeToString()


@pytest.mark.parametrize("form", ["raw", "listed numbers"])
def test_weights_are_read_in_both_forms(form):
    tensor, values = held_as(form)
    graph = Graph(model_with([helper.make_node("Add", ["x", "w"], ["y"])], [tensor]))
    assert np.array_equal(graph.weight("w"), values)
    assert graph.weight("x") is None
    assert graph.opset == 12


def test_constants_are_weights():
    tensor, values = held_as("raw")
    nodes = [
        helper.make_node("Constant", [], ["c"], value=tensor),
        helper.make_node("Add", ["x", "c"], ["y"]),
    ]
    graph = Graph(model_with(nodes, []))
    assert [node.kind for node in graph.nodes] == ["Add"]
    assert np.array_equal(graph.weight("c"), values)
    again = onnx.load_from_string(graph.written())
    assert [entry.name for entry in again.graph.initializer] == ["c"]


def test_integers_are_weights_without_values():
    tensor = numpy_helper.from_array(np.arange(3), "w")
    graph = Graph(model_with([helper.make_node("Gather", ["x", "w"], ["y"])], [tensor]))
    assert graph.is_weight("w")
    assert graph.weight("w") is None


def test_a_weight_can_be_replaced_and_one_that_is_unused_is_dropped():
    tensor, values = held_as("raw")
    graph = Graph(model_with([helper.make_node("Add", ["x", "w"], ["y"])], [tensor]))
    graph.nodes[0].inputs[1] = graph.set_weight("new", values * 2)
    (kept,) = onnx.load_from_string(graph.written()).graph.initializer
    assert np.array_equal(numpy_helper.to_array(kept), values * 2)


def test_a_weight_that_is_listed_as_an_input_stays_one_and_is_not_fed():
    tensor, _ = held_as("raw")
    content = model_with([helper.make_node("Neg", ["x"], ["y"])], [tensor], listed=["w"])
    graph = Graph(content)
    assert graph.inputs == ["x"]
    assert len(onnx.load_from_string(graph.written()).graph.initializer) == 1


def test_attributes_are_read_and_set():
    node = Node("Clip", ["x"], ["y"], name="bounds")
    node.set("min", 0.5)
    node.set("axis", 3)
    read = onnx.NodeProto.FromString(node.written())
    found = {entry.name: helper.get_attribute_value(entry) for entry in read.attribute}
    assert found == {"min": 0.5, "axis": 3}
    assert (node.number("min", 0.0), node.number("max", 7.0)) == (0.5, 7.0)


def test_what_bodies_take_at_any_depth_is_used():
    tensor, _ = held_as("raw")
    made = helper.make_tensor_value_info("z", TensorProto.FLOAT, None)
    inner = helper.make_graph([helper.make_node("Add", ["x", "w"], ["z"])], "inner", [], [made])
    both = {"then_branch": inner, "else_branch": inner}
    outer = helper.make_graph([helper.make_node("If", ["c"], ["z"], **both)], "o", [], [made])
    node = helper.make_node("If", ["c"], ["y"], then_branch=outer, else_branch=inner)
    unused = numpy_helper.from_array(np.zeros(3, np.float32), "unused")
    condition = helper.make_tensor("c", TensorProto.BOOL, [], [True])
    graph = Graph(model_with([node], [tensor, condition, unused]))
    assert set(graph.nodes[0].takes) == {"c", "x", "w", "z"}
    assert graph.uses()["x"] == graph.uses()["y"] == 1
    written = onnx.load_from_string(graph.written())
    assert {entry.name for entry in written.graph.initializer} == {"c", "w"}
    assert written.graph.node[0] == node


@pytest.mark.parametrize("length", [1, 10])
def test_sizes_that_end_inside_a_number_are_refused(length):
    graph = Graph(model_with([helper.make_node("Neg", ["x"], ["y"])], []))
    graph._weights["w"] = wire.entry(1, b"\xff" * length)
    with pytest.raises(ModelError, match="no ONNX model"):
        graph.weight("w")


def test_outputs_and_metadata_are_added_behind():
    content = model_with([helper.make_node("Neg", ["x"], ["y"])], [])
    more = with_metadata(with_outputs(content, ["x"]), {"key": "value"})
    graph = Graph(more)
    assert graph.outputs == ["y", "x"]
    assert graph.metadata == {"key": "value"}
    assert len(onnx.load_from_string(more).graph.output) == 2


@pytest.mark.parametrize("content", [b"\x3a\x05", b"\xff" * 12, b"\x3a\x02\x0a\x09"])
def test_what_is_no_model_is_refused(content):
    with pytest.raises(ModelError, match="no ONNX model"):
        Graph(content)
