# SPDX-License-Identifier: Apache-2.0
"""What several tests of the benchmark run: MGN's shape on a simulated NPU that keeps its times."""

import pytest

from mgn_fast import simulator
from mgn_fast.datasets.drawn_set import drawn_jpegs
from mgn_fast.simulator import write_om
from support.simulated import require_clean


@pytest.fixture
def npu(simulated_time):
    """Turns the simulator on; afterwards nothing is left on it."""

    def turn_on(**options):
        simulator.enable(**{"compute": "deterministic", "guard": False} | options)

    yield turn_on
    left = simulator.ledger()
    simulator.disable()
    require_clean(left)


@pytest.fixture(scope="session")
def mgn_om(tmp_path_factory, tiny_model):
    """MGN's input, output and contract, with gears."""
    path = tmp_path_factory.mktemp("om") / "mgn.om"
    return write_om(path, onnx=tiny_model, batch_sizes=(1, 4, 8, 16))


@pytest.fixture(scope="session")
def jpegs():
    """Files of pictures, in memory."""
    return list(drawn_jpegs(16, seed=0))
