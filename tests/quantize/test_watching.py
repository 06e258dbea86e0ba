# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from support.late import late

helper = late("onnx.helper")
extremes = late("mgn_fast.quantize.watching.extremes")


@pytest.mark.parametrize("opset", [13, 18])
@pytest.mark.parametrize("by_channel", [False, True])
def test_extremes_are_those_of_each_picture(tmp_path, opset, by_channel):
    """Negated by the graph, and the input itself; seven pictures in batches of three."""
    ends = [helper.make_tensor_value_info(name, 1, ["n", 2, 4, 5]) for name in ("x", "y")]
    nodes = [helper.make_node("Neg", ["x"], ["y"])]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    before = model.SerializeToString()
    pictures = np.random.default_rng(0).standard_normal((7, 2, 4, 5), np.float32)
    batches = (pictures[start : start + 3] for start in (0, 3, 6))
    found = extremes(model, {"y": 3, "x": 3}, batches, tmp_path, by_channel=by_channel)
    axes = (2, 3) if by_channel else (1, 2, 3)
    for name, values in (("x", pictures), ("y", -pictures)):
        np.testing.assert_array_equal(found[name][0], values.min(axes))
        np.testing.assert_array_equal(found[name][1], values.max(axes))
    assert list(tmp_path.iterdir()) == []
    assert model.SerializeToString() == before
