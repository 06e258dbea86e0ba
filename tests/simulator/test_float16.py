# SPDX-License-Identifier: Apache-2.0
"""Float16 on the simulator equals its definition, to the bit."""

import numpy as np
import pytest

from mgn_fast.errors import ModelError
from mgn_fast.simulator.float16 import as_computed, rewritten, rounded, stated_precision
from mgn_fast.simulator.onnx_graph import with_metadata, with_outputs
from mgn_fast.simulator.precision import METADATA_KEY, Computes, Precision
from oracles import float16 as oracle
from support.late import late

TensorProto = late("onnx.TensorProto")
helper = late("onnx.helper")
numpy_helper = late("onnx.numpy_helper")
onnxruntime = late("onnxruntime")

SIZE = (2, 3, 16, 8)


def integers(random, shape, most):
    return random.integers(-most, most + 1, shape).astype(np.float32)


def network(seed=0, opset=13):
    """Sums of integers that float32 makes exactly, many of them beyond what float16 holds."""
    random = np.random.default_rng(seed)
    weights, nodes = [], []

    def constant(name, values):
        weights.append(numpy_helper.from_array(np.asarray(values, np.float32), name))
        return name

    def node(kind, name, *inputs, **attributes):
        nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def conv(name, x, shape, most, **attributes):
        weight = constant(f"{name}.weight", integers(random, shape, most))
        bias = constant(f"{name}.bias", integers(random, shape[0], 5000))
        return node("Conv", name, x, weight, bias, **attributes)

    def norm(name, x, scale, variance):
        values = (scale, [3.0] * 8, integers(random, 8, 9), variance)
        names = [constant(f"{name}.{n}", v) for n, v in enumerate(values)]
        return node("BatchNormalization", name, x, *names, epsilon=0.0)

    first = conv("first", "image", (8, 3, 3, 3), 1, pads=[1, 1, 1, 1])
    first = node("Relu", "first_relu", norm("first_norm", first, [2.0] * 8, [4.0] * 8))
    pooled = node("MaxPool", "pool", first, kernel_shape=[2, 2], strides=[2, 2])
    inner = node("Relu", "inner_relu", conv("inner", pooled, (8, 8, 1, 1), 2))
    inner = conv("depthwise", inner, (8, 1, 3, 3), 1, pads=[1, 1, 1, 1], group=8)
    added = node("Relu", "added_relu", node("Add", "added", inner, pooled))
    normed = norm("alone", node("Relu", "twice", added), [3.0] * 8, [1.0] * 8)
    gate = constant("gate", random.uniform(0, 2, (1, 8, 1, 1)))
    gated = node("Mul", "gated", normed, gate)
    mean = node("Flatten", "flat", node("GlobalAveragePool", "mean", gated))
    small = node("Mul", "small", mean, constant("shrink", np.float32(2.0**-8)))
    node("MatMul", "features", small, constant("last", np.eye(8, dtype=np.float32)))
    graph = helper.make_graph(
        nodes,
        "exact",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", *SIZE[1:]])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", 8])],
        weights,
    )
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=7)


def small_sums(model):
    """The same without what leaves the integers: the part that all precisions make exactly."""
    keep = [node for node in model.graph.node if node.name not in ("gated", "small", "features")]
    next(node for node in keep if node.name == "mean").input[0] = "alone"
    del model.graph.node[:]
    model.graph.node.extend(keep)
    model.graph.output[0].name = "flat"
    return model


def run(content, feed, output):
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.run([output], {"image": feed})[0]


def drawn(seed):
    return integers(np.random.default_rng(100 + seed), SIZE, 3000)


def equal(found, expected):
    return np.array_equal(found.view(np.int32), expected.view(np.int32))


@pytest.mark.parametrize("opset", [9, 13])
@pytest.mark.parametrize("seed", range(4))
def test_a_network_in_float16_is_the_definitions_to_the_bit(seed, opset):
    model, feed = small_sums(network(seed, opset)), drawn(seed)
    content, _ = rewritten(model.SerializeToString(), Precision())
    expected = oracle.forward(model, feed, lambda _: "float16")["flat"]
    assert equal(run(content, feed, "flat"), expected)
    assert not equal(run(model.SerializeToString(), feed, "flat"), expected)


@pytest.mark.parametrize(
    ("precision", "computes"),
    [
        (Precision("matrix_in"), {"first": "float16 in", "inner": "float16 in"}),
        (Precision("matrix"), {"first": "float16", "inner": "float16"}),
        (Precision(kept=("inner",)), None),
        (Precision("mixed", forbidden=("MaxPool",)), None),
    ],
    ids=["cube", "matrix", "kept", "mixed"],
)
def test_each_operator_computes_as_its_mode_says(precision, computes):
    model, feed = small_sums(network(5)), drawn(5) / 4
    feed = np.rint(feed).astype(np.float32)

    def how(name):
        if computes is not None:
            matrix = dict(computes, depthwise=computes["first"])
            return matrix.get(name, "float32")
        if name in precision.kept:
            return "float32"
        # Behind a pool that stays in float32, what has no list of its own does too.
        stays = ("pool", "added", "added_relu", "twice", "alone", "mean", "flat")
        return "float32" if precision.mode == "mixed" and name in stays else "float16"

    expected = oracle.forward(model, feed, how)["flat"]
    content, layers = rewritten(model.SerializeToString(), precision)
    assert equal(run(content, feed, "flat"), expected)
    told = {layer.name: layer.computes.value for layer in layers}
    assert all(told[name] == how(name) for name in told if not name.startswith("first"))


@pytest.mark.parametrize("saturate", [True, False])
def test_subnormal_numbers_and_overflows_are_the_definitions(saturate):
    random = np.random.default_rng(3)
    values = np.concatenate(
        [integers(random, 4000, 2047) * 2.0**-10, 10.0 ** random.uniform(-9, 5, 4000)]
    ).astype(np.float32)
    weight = numpy_helper.from_array(np.float32(2.0**-15 * 1.0007), "w")
    graph = helper.make_graph(
        [helper.make_node("Mul", ["image", "w"], ["y"], name="y")],
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n"])],
        [weight],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    found = run(rewritten(model.SerializeToString(), Precision(saturate=saturate))[0], values, "y")
    expected = oracle.forward(model, values, lambda _: "float16", saturate)["y"]
    assert equal(found, expected)
    assert np.count_nonzero(np.abs(found[found != 0]) < 2.0**-14) > 1000
    assert np.isinf(found).any() != saturate


@pytest.mark.parametrize("saturate", [True, False])
def test_rounding_is_to_the_nearest_even_and_saturates(saturate):
    halves = np.arange(0, 0x7C00, dtype=np.uint16).view(np.float16).astype(np.float32)
    ties = ((halves[1:].astype(np.float64) + halves[:-1]) / 2).astype(np.float32)
    odd = np.array([65519.0, 65520.0, 1e9, np.inf, 2.0**-25, 0.0, -0.0], np.float32)
    values = np.concatenate([halves, ties, np.nextafter(ties, np.float32(0)), odd])
    for signed in (values, -values):
        found = rounded(signed, saturate=saturate)
        assert equal(found, oracle.rounded(signed, saturate).astype(np.float32))
    assert np.isnan(rounded(np.float32([np.nan]), saturate=saturate)).all()


def test_layers_are_the_operators_that_compute_with_pictures():
    _, layers = rewritten(network().SerializeToString(), Precision())
    told = {layer.name: layer for layer in layers}
    assert "first_norm" not in told  # it is in the convolution
    assert told["first"].gives == ("first_relu",)
    assert told["added"].takes == ("depthwise", "pool")
    assert {layer.computes for layer in layers} == {Computes.FLOAT16}


def branching(*, norm=False):
    """A convolution whose result only the branches of an If take, beside a norm or not."""

    def body(name, kind):
        made = helper.make_tensor_value_info(f"{name}_y", TensorProto.FLOAT, None)
        node = helper.make_node(kind, ["first"], [f"{name}_y"])
        return helper.make_graph([node], name, [], [made])

    whole = helper.make_tensor("whole", TensorProto.BOOL, [], [True])
    weights = [numpy_helper.from_array(np.full((3, 3, 1, 1), 1.0007, np.float32), "w")]
    weights += [numpy_helper.from_array(np.full(3, 1.1, np.float32), f"n{n}") for n in range(4)]
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["first"], name="first"),
        helper.make_node(
            "If", ["whole"], ["chosen"], name="if",
            then_branch=body("then", "Exp"), else_branch=body("else", "Neg"),
        ),
        helper.make_node("Exp", ["chosen"], ["y"], name="y"),
    ]  # fmt: skip
    if norm:
        names = [f"n{n}" for n in range(4)]
        nodes[1:1] = [helper.make_node("BatchNormalization", ["first", *names], ["normed"])]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *SIZE[1:]])
        for name in (("image", "y", "normed") if norm else ("image", "y"))
    ]
    graph = helper.make_graph(nodes, "flow", ends[:1], ends[1:], [*weights, whole])
    opsets = [helper.make_opsetid("", 13)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=7)


def is_half(values):
    return equal(values, rounded(values))


def test_what_control_flow_gives_is_data_and_is_rounded():
    model = branching()
    content, layers = rewritten(model.SerializeToString(), Precision())
    told = {layer.name: layer for layer in layers}
    assert (told["if"].takes, told["if"].gives) == (("first",), ("chosen",))
    assert told["y"].takes == ("chosen",)
    feed = np.random.default_rng(0).normal(0, 0.2, SIZE).astype(np.float32)
    session = onnxruntime.InferenceSession(with_outputs(content, ["first", "chosen"]))
    first, chosen, y = session.run(["first", "chosen", "y"], {"image": feed})
    assert np.allclose(chosen, np.exp(first), rtol=2.0**-11)
    assert is_half(first)
    assert is_half(chosen)
    assert is_half(y)


def test_a_convolution_that_a_branch_captures_keeps_its_norm_and_its_name():
    model = branching(norm=True)
    content, layers = rewritten(model.SerializeToString(), Precision())
    assert {layer.kind for layer in layers} == {"Conv", "BatchNormalization", "If", "Exp"}
    feed = np.random.default_rng(0).normal(0, 0.2, SIZE).astype(np.float32)
    assert np.allclose(run(content, feed, "y"), run(model.SerializeToString(), feed, "y"), 4e-3)


def test_a_layer_has_all_the_results_of_its_operator():
    split = helper.make_node("Split", ["image"], ["left", "right"], name="split", axis=3)
    nodes = [split, helper.make_node("Mul", ["right", "right"], ["y"], name="y")]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in "iy"]
    ends[0] = helper.make_tensor_value_info("image", TensorProto.FLOAT, SIZE)
    graph = helper.make_graph(nodes, "split", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    _, layers = rewritten(model.SerializeToString(), Precision())
    assert [layer.gives for layer in layers] == [("left", "right"), ("y",)]


def test_a_file_that_says_nothing_is_computed_as_it_is():
    content = network().SerializeToString()
    assert stated_precision(content) is None
    assert as_computed(content) is content


@pytest.mark.parametrize("mode", ["float16", "origin"])
def test_a_file_that_states_its_precision_is_computed_so(mode):
    content = network().SerializeToString()
    stated = with_metadata(content, {METADATA_KEY: Precision(mode).to_json()})
    assert stated_precision(stated) == Precision(mode)
    computed = as_computed(stated)
    assert (computed is stated) == (mode == "origin")


def test_what_is_no_network_is_refused():
    with pytest.raises(ModelError, match="no ONNX model"):
        as_computed(b"\x3a\xff")
