# SPDX-License-Identifier: Apache-2.0
"""What tests on the simulator share: a model of a few bytes, and what to ask of the ledger."""

from mgn_fast import simulator
from mgn_fast.simulator import TensorSpec

TINY_WIDTH = 16
TINY = {
    "inputs": [TensorSpec("image", "float32", (3, 2, 2), "NCHW")],
    "outputs": [TensorSpec("features", "float32", (TINY_WIDTH,))],
    "weight_bytes": 4096,
}


def embeddings_of(images):
    """What the stand-in gives for a model of that width."""
    return simulator.stand_in([images], widths=[TINY_WIDTH])[0]


def require_clean(ledger):
    """Nothing is alive and no rule was broken."""
    assert ledger["live"] == {}
    assert ledger["violations"] == []
