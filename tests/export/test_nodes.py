# SPDX-License-Identifier: Apache-2.0
"""Layers become the nodes that give what PyTorch's modules give."""

import numpy as np
import pytest

from support.late import late

nodes = late("mgn_fast.export.nodes")


def test_folding_worked_by_hand():
    parameters = {
        "c.weight": np.array([2, -1], np.float32).reshape(2, 1, 1, 1),
        "n.weight": np.array([6, 1], np.float32),
        "n.bias": np.array([1, 0], np.float32),
        "n.running_mean": np.array([5, 4], np.float32),
        "n.running_var": np.array([4 - 1e-5, 0.25 - 1e-5]),
    }
    weight, bias = nodes.folded(parameters, "c", "n")
    # Scales 6 / 2 and 1 / 0.5.
    np.testing.assert_allclose(weight.ravel(), [6, -2], rtol=1e-7)
    np.testing.assert_allclose(bias, [1 - 15, -8], rtol=1e-7)
    assert weight.dtype == bias.dtype == np.float32


@pytest.mark.parametrize("opset", [11, 13, 18])
def test_sizes_and_axes_stand_where_the_opset_wants_them(opset):
    writer = nodes.Writer({}, opset)
    writer.split("cut", ["a", "b"], "x", 3, axis=2)
    writer.reduction("ReduceSum", "total", "x", 1, keep=True)
    writer.reduction("ReduceMax", "peak", "x", 1, keep=False)
    # Both operators take them as inputs from opset 13 on, ReduceMax from 18.
    expected = {"cut": opset >= 13, "total": opset >= 13, "peak": opset >= 18}
    assert {node.name: len(node.input) == 2 for node in writer.nodes} == expected
    for node in writer.nodes:
        attributes = {attribute.name for attribute in node.attribute}
        assert bool(attributes & {"split", "axes"}) != expected[node.name]


def test_names_have_no_dots_and_are_the_outputs():
    writer = nodes.Writer({}, 11)
    assert writer.relu(writer.pool("p1.0", "x", (2, 4), "avg")) == "p1_0_relu"
    pool, relu = writer.nodes
    assert (pool.op_type, pool.name, list(pool.output)) == ("AveragePool", "p1_0", ["p1_0"])
    assert {attribute.name: list(attribute.ints) for attribute in pool.attribute} == {
        "kernel_shape": [2, 4],
        "strides": [2, 4],
    }
    assert (relu.op_type, list(relu.input)) == ("Relu", ["p1_0"])
    assert writer.pool("m", "x", (1, 1), "max") == "m"
    assert writer.nodes[-1].op_type == "MaxPool"
