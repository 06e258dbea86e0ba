# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from support.late import late

TensorProto = late("onnx.TensorProto")
helper = late("onnx.helper")
numpy_helper = late("onnx.numpy_helper")
onnx = late("onnx")
Rounding = late("mgn_fast.quantize.rewriting.Rounding")
activation_step = late("mgn_fast.quantize.rewriting.activation_step")
rounded_weight = late("mgn_fast.quantize.rewriting.rounded_weight")
write_nodes = late("mgn_fast.quantize.rewriting.write_nodes")

RANGES = {
    "zero inside": ((-1.0, 4.0), 5 / 255, 51),
    "from zero": ((0.0, 2.55), 0.01, 0),
    "above zero: zero is kept": ((1.0, 2.55), 0.01, 0),
    "below zero: zero is kept": ((-2.55, -1.0), 0.01, 255),
}


@pytest.mark.parametrize(("ends", "step", "zero"), RANGES.values(), ids=RANGES.keys())
def test_activations_worked_by_hand(ends, step, zero):
    got, point = activation_step(*ends)
    assert got == np.float32(step)
    assert point == zero


def test_a_tensor_that_is_always_zero_has_a_step():
    step, zero = activation_step(0.0, 0.0)
    assert step > 0
    assert zero == 0


def test_weights_worked_by_hand():
    """The largest of a channel becomes 127, the others in proportion; a bias is in both steps."""
    weight = np.array([[1.27, -0.64], [0.0, 0.127]], np.float32).reshape(2, 2, 1, 1)
    rounded, scale, bias, bias_scale = rounded_weight(weight, np.array([1.0, -2.0]), 0.5)
    assert rounded.dtype == np.int8
    assert rounded.reshape(2, 2).tolist() == [[127, -64], [0, 127]]
    np.testing.assert_allclose(scale, [0.01, 0.001], rtol=1e-6)
    assert bias.dtype == np.int32
    assert bias.tolist() == [200, -4000]
    np.testing.assert_allclose(bias_scale, [0.005, 0.0005], rtol=1e-6)


def test_a_layer_without_bias_has_none():
    assert len(rounded_weight(np.ones((1, 1, 1, 1), np.float32), None, 1.0)) == 2


def test_a_channel_of_zeros_stays_zero():
    rounded, scale, *_ = rounded_weight(np.zeros((1, 3, 1, 1), np.float32), np.zeros(1), 1.0)
    assert not rounded.any()
    assert scale[0] > 0


@pytest.mark.parametrize("bias", [1000.0, -1000.0])
def test_a_large_bias_on_small_weights_fits_its_integer(bias):
    weight = np.full((1, 1, 1, 1), 1e-9, np.float32)
    _, _, rounded, scale = rounded_weight(weight, np.array([bias], np.float32), 0.01)
    assert abs(int(rounded[0])) <= 2**30
    np.testing.assert_allclose(rounded[0] * np.float64(scale[0]), bias, rtol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_no_weight_moves_by_more_than_half_a_step(seed):
    random = np.random.default_rng(seed)
    spread = np.exp(random.normal(0, 2, 16))[:, None, None, None]  # channels of many sizes
    weight = (random.standard_normal((16, 8, 3, 3)) * spread).astype(np.float32)
    rounded, scale, *_ = rounded_weight(weight, random.standard_normal(16), 0.02)
    steps = scale.astype(np.float64).reshape(-1, 1, 1, 1)
    # The scale is a float32: 2**-24 of the largest, 127 steps, comes on top of the half.
    assert (np.abs(rounded * steps - weight) <= steps * (0.5 + 127 * 2.0**-24)).all()


def test_who_computes_in_float32_takes_a_float32_result_unrounded():
    """A feeds an integer and a float32 node; the integer one's result is rounded for both."""
    source = helper.make_graph(
        [
            helper.make_node("Relu", ["x"], ["a"], name="relu"),
            helper.make_node("Conv", ["a", "w"], ["b"], name="integer"),
            helper.make_node("Conv", ["a", "w"], ["c"], name="float"),
            helper.make_node("Add", ["b", "c"], ["y"], name="sum"),
        ],
        "source",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, 2, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 1, 2, 2])],
        [numpy_helper.from_array(np.ones((1, 1, 1, 1), np.float32), "w")],
    )
    target = onnx.GraphProto()
    rounding = Rounding({"integer"}, {"b"}, {"a", "b"}, {})
    write_nodes(target, source, rounding, {"a": (0.0, 1.0), "b": (-1.0, 1.0)}, {})
    inputs = {node.name: list(node.input) for node in target.node}
    assert inputs["integer"] == ["a.rounded", "integer.weight.rounded"]
    assert inputs["float"] == ["a", "w"]
    assert inputs["sum"] == ["b.rounded", "c"]
