# SPDX-License-Identifier: Apache-2.0
"""A file's outputs are the network's by name, by shape and to a ten-thousandth of their scale."""

import numpy as np
import pytest

from mgn_fast.errors import ExportError
from mgn_fast.export import proof
from oracles import recipe_network
from support.late import late

graph = late("mgn_fast.export.graph")
onnx = late("onnx")


@pytest.mark.usefixtures("full_size_network")
def test_a_file_with_another_opset_is_refused(tmp_path):
    state = recipe_network.random_state(0)
    onnx.save_model(graph.build_model(state, graph.GraphForm(18), {}, "0"), tmp_path / "m.onnx")
    with pytest.raises(ExportError, match=r"opsets \{'': 18\}, expected \{'': 11\}"):
        proof.require_equal(tmp_path / "m.onnx", state, graph.GraphForm(11), 0)


@pytest.mark.parametrize(
    ("got", "message"),
    [
        ({"features": [1.0, -4.0, np.nan]}, "output 'features' differs from the network's by nan"),
        ({"features": [1.0, -4.0, 0.0005]}, "by 0.0005 at batch 3, expected at most 0.0001 of its"),
        ({"features": [1.0, -4.0]}, r"output 'features' has shape \(2,\), expected \(3,\)"),
        ({"feature": [1.0, -4.0, 0.0]}, r"outputs \['feature'\], expected \['features'\]"),
    ],
)
def test_outputs_must_agree_to_a_ten_thousandth_of_their_scale(got, message):
    wanted = {"features": np.array([1.0, -4.0, 0.0])}
    proof._require_outputs({"features": wanted["features"] + [0, 0, 0.0003]}, wanted, 3)
    with pytest.raises(ExportError, match=message):
        proof._require_outputs({name: np.array(x) for name, x in got.items()}, wanted, 3)
