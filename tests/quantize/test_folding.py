# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from support.depthwise_network import write_mobile_network
from support.late import late

helper = late("onnx.helper")
numpy_helper = late("onnx.numpy_helper")
onnx = late("onnx")
onnxruntime = late("onnxruntime")
fold_batch_norms = late("mgn_fast.quantize.folding.fold_batch_norms")
keep_weights = late("mgn_fast.quantize.folding.keep_weights_as_initializers")
name_nodes = late("mgn_fast.quantize.folding.name_nodes")


def kinds(model):
    return [node.op_type for node in model.graph.node]


def run(model, batch):
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {session.get_inputs()[0].name: batch})


@pytest.fixture
def mobile(tmp_path):
    return onnx.load(write_mobile_network(tmp_path / "mobile.onnx"))


def test_a_network_computes_the_same_without_its_norms(mobile):
    batch = np.random.default_rng(0).standard_normal((3, 3, 64, 32), np.float32)
    expected = run(mobile, batch)
    assert kinds(mobile).count("BatchNormalization") == 5
    keep_weights(mobile.graph)
    fold_batch_norms(mobile.graph)
    assert "BatchNormalization" not in kinds(mobile)
    assert "Constant" not in kinds(mobile)
    onnx.checker.check_model(mobile, full_check=True)
    # Sums of a few hundred float32 products in another order, through six layers.
    for got, wanted in zip(run(mobile, batch), expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-4 * np.abs(wanted).max())


def graph_of(*, bias=(), outputs=("y",), extra=(), training=False, computed=False):
    """Two channels convolved to two by 1 x 1, and a norm."""
    weights = {
        "w": np.array([[1, 2], [3, 4]], np.float32).reshape(2, 2, 1, 1),
        "scale": np.array([2, 1], np.float32),
        "shift": np.array([1, -1], np.float32),
        "mean": np.array([0.5, 1.5], np.float32),
        "variance": np.array([3, 0], np.float32),
    }
    weights |= {"b": np.array(bias, np.float32)} if bias else {}
    conv = ["x", "w", *(["b"] if bias else [])]
    nodes = [helper.make_node("Conv", conv, ["c"], name="conv")]
    names = ["c", "scale", "shift", "mean", "variance"]
    if computed:
        nodes.append(helper.make_node("Identity", ["variance"], ["seen"]))
        names[-1] = "seen"
    given = ["y", "m", "v"] if training else ["y"]
    options = {"epsilon": 1.0} | ({"training_mode": 1} if training else {})
    nodes.append(helper.make_node("BatchNormalization", names, given, name="norm", **options))
    nodes += extra
    info = [helper.make_tensor_value_info(name, 1, ["n", 2, 1, 1]) for name in ("x", *outputs)]
    held = [numpy_helper.from_array(values, name) for name, values in weights.items()]
    graph = helper.make_graph(nodes, "g", info[:1], info[1:], held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=7)


@pytest.mark.parametrize(("bias", "expected"), [((), [0.5, -2.5]), ((10, 20), [10.5, 17.5])])
def test_a_norm_worked_by_hand(bias, expected):
    """Factors are 2 / sqrt(3 + 1) = 1 and 1 / sqrt(0 + 1) = 1, epsilon being 1."""
    model = graph_of(bias=bias)
    fold_batch_norms(model.graph)
    (node,) = model.graph.node
    held = {entry.name: numpy_helper.to_array(entry) for entry in model.graph.initializer}
    assert held[node.input[1]].reshape(2, 2).tolist() == [[1, 2], [3, 4]]
    assert held[node.input[2]].tolist() == expected
    assert list(node.output) == ["y"]


@pytest.mark.parametrize(
    "changes",
    [
        {"outputs": ("y", "c")},  # the convolution's own result is wanted
        {"training": True},
        {"computed": True},
    ],
    ids=str,
)
def test_a_norm_that_is_no_part_of_its_convolution_stays(changes):
    model = graph_of(**changes)
    before = model.SerializeToString()
    fold_batch_norms(model.graph)
    assert model.SerializeToString() == before


def test_a_result_that_others_take_too_is_not_folded():
    model = graph_of(extra=[helper.make_node("Relu", ["c"], ["r"])], outputs=("y", "r"))
    fold_batch_norms(model.graph)
    assert "BatchNormalization" in kinds(model)


def test_names_are_given_where_there_are_none():
    model = graph_of()
    model.graph.node[0].name = ""
    name_nodes(model.graph)
    assert [node.name for node in model.graph.node] == ["Conv_0", "norm"]


def test_a_name_that_a_node_gets_is_no_others():
    nodes = [
        helper.make_node("Relu", ["x"], ["y"]),
        helper.make_node("Relu", ["y"], ["z"], name="Relu_0"),
    ]
    graph = helper.make_graph(nodes, "two", [], [])
    name_nodes(graph)
    assert [node.name for node in graph.node] == ["Relu_0_", "Relu_0"]
