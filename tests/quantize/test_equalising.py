# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from support.late import late

helper = late("onnx.helper")
numpy_helper = late("onnx.numpy_helper")
onnxruntime = late("onnxruntime")
channel_factors = late("mgn_fast.quantize.equalising.channel_factors")
equalise = late("mgn_fast.quantize.equalising.equalise")
extremes = late("mgn_fast.quantize.watching.extremes")

PICTURES = np.random.default_rng(1).standard_normal((5, 3, 6, 4), np.float32)


def convolution(name, given, weights, *, group=1, bias=False, shared=None):
    size = weights.shape[-1]
    held = {shared or f"{name}.weight": weights}
    if bias:
        scale = np.abs(weights).max((1, 2, 3))
        held[f"{name}.bias"] = (scale * np.linspace(1, 2, len(weights))).astype(np.float32)
    options = {"kernel_shape": [size] * 2, "pads": [size // 2] * 4, "group": group}
    return helper.make_node("Conv", [given, *held], [name], name=name, **options), held


def model_of(*, between=(), takers=1, multiplier=1, outputs=("y0",), group=4, shared=None):
    """A convolution to four channels of very different sizes, and depthwise ones that take it."""
    random = np.random.default_rng(0)
    sizes = np.array([1, 1e-1, 5, 1e-2], np.float32).reshape(4, 1, 1, 1)
    first = random.standard_normal((4, 3, 1, 1)).astype(np.float32) * sizes
    node, held = convolution("a", "x", first, bias=True, shared=shared)
    nodes, weights, tensor = [node], held, "a"
    for kind in between:
        limits = [helper.make_node("Constant", [], [f"l{n}"], value_float=n) for n in (0.0, 6.0)]
        nodes += limits if kind == "Clip" else []
        ends = [tensor, "l0", "l1"] if kind == "Clip" else [tensor]
        nodes.append(helper.make_node(kind, ends, [f"{tensor}_"], name=kind))
        tensor += "_"
    for number in range(takers):
        shape = (4 * multiplier, 4 // group, 3, 3)
        values = random.standard_normal(shape).astype(np.float32)
        node, held = convolution(f"y{number}", tensor, values, group=group, bias=True)
        nodes.append(node)
        weights |= held
    if shared:  # by a convolution whose result goes nowhere near
        node, held = convolution("z", "x", first, shared=shared)
        nodes.append(node)
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", 1, ["n", 3, 6, 4])],
        [helper.make_tensor_value_info(name, 1, None) for name in outputs],
        [numpy_helper.from_array(values, name) for name, values in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)


def run(model):
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"x": PICTURES})


def sizes_of(model, tensor, folder):
    least, largest = extremes(model, {tensor: 3}, [PICTURES], folder, by_channel=True)[tensor]
    return np.maximum(-least, largest).max(0)


@pytest.mark.parametrize(
    ("form", "tensor"),
    [
        ({}, "a"),
        ({"between": ["Relu"]}, "a_"),
        ({"takers": 2, "outputs": ("y0", "y1")}, "a"),
        ({"multiplier": 2}, "a"),
        ({"shared": "w", "outputs": ("y0", "z")}, "a"),
    ],
    ids=str,
)
def test_channels_become_alike_and_the_network_computes_the_same_bits(tmp_path, form, tensor):
    model = model_of(**form)
    expected = run(model)
    before = sizes_of(model, tensor, tmp_path)
    equalise(model, [PICTURES], tmp_path)
    after = sizes_of(model, tensor, tmp_path)
    assert before.max() > 20 * before.min() > 0
    # A root of two either way.
    assert before.max() / 2**0.5 <= after.min() <= after.max() <= before.max() * 2**0.5
    for got, wanted in zip(run(model), expected, strict=True):
        np.testing.assert_array_equal(got, wanted)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "form",
    [
        {"outputs": ("y0", "a")},  # who asks for it would get other numbers
        {"between": ["Relu"], "outputs": ("y0", "a_")},
        {"between": ["Clip"]},  # larger before it is cut off by it
        {"group": 2},  # two channels go into one
        {"group": 1},
    ],
    ids=str,
)
def test_what_would_compute_something_else_stays(tmp_path, form):
    model = model_of(**form)
    before = model.SerializeToString()
    equalise(model, None, tmp_path)  # no picture is asked for
    assert model.SerializeToString() == before


def test_who_else_takes_the_result_keeps_it_as_it_is(tmp_path):
    model = model_of(outputs=("y0", "r"))
    model.graph.node.append(helper.make_node("Sigmoid", ["a"], ["r"]))
    before = model.SerializeToString()
    equalise(model, None, tmp_path)
    assert model.SerializeToString() == before


def test_factors_worked_by_hand():
    """8 / 1.1 is 7.3, 8 / 5 is 1.6, 8 / 6 is 1.3; what is never more than zero grows the most."""
    sizes = np.array([8.0, 1.1, 5.0, 6.0, 0.0], np.float32)
    assert channel_factors(sizes).tolist() == [1.0, 8.0, 2.0, 1.0, 1024.0]
    assert channel_factors(np.zeros(2, np.float32)).tolist() == [1.0, 1.0]
