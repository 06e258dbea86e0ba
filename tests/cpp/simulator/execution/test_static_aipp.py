# SPDX-License-Identifier: Apache-2.0
"""Static AIPP's arithmetic, bit for bit, against NumPy's float16."""

import ctypes

import numpy as np
import pytest

from mgn_fast.simulator import StaticAipp, TensorSpec, stand_in, write_om
from mgn_fast.simulator.library import ExecutorFunction
from support.acl_models import Batch, Machine, library, with_description

RECIPE = StaticAipp(
    (123.675, 116.28, 103.53), (0.0171247538316637, 0.0175070028011204, 0.0174291938997821)
)
HARD = StaticAipp((0.1, -300.7, 2047.3), (65504.0, -1e-7, 0.33333))


def normalised(pixels, aipp):
    """The oracle: every step in half precision."""
    planes = pixels.transpose(0, 3, 1, 2).astype(np.float16)
    least = np.array(aipp.min_chn, np.float32).astype(np.float16).reshape(3, 1, 1)
    factor = np.array(aipp.var_reci, np.float32).astype(np.float16).reshape(3, 1, 1)
    with np.errstate(over="ignore"):
        return ((planes - least) * factor).astype(np.float32)


def fed_to_the_network(tmp_path, pixels, aipp, batch_sizes, gear=None):
    """What the executor is given for these pixels."""
    _, height, width, _ = pixels.shape
    made = write_om(
        tmp_path / "m.om",
        batch_sizes=batch_sizes,
        inputs=[TensorSpec("image", "float32", (3, height, width), "NCHW")],
        outputs=[TensorSpec("y", "float32", (2,))],
        aipp=aipp,
    )
    content = with_description(
        made.read_bytes(), lambda p: p.replace(b"onnx_bytes 0", b"onnx_bytes 1") + b"O"
    )
    made.write_bytes(content)
    seen = []

    def run(file, onnx, size, inputs, num_inputs, outputs, num_outputs):
        one = inputs[0]
        shape = list(one.dims[: one.num_dims])
        values = np.frombuffer(ctypes.string_at(one.data, one.bytes), np.float32)
        seen.append((one.data_type, values.reshape(shape)))
        return 0

    callback = ExecutorFunction(run)
    library().mgnsim_set_executor(callback)
    try:
        with Machine(compute="onnx") as machine:
            inputs = [pixels] if gear is None else [pixels, np.array([gear])]
            rows = max(batch_sizes)
            Batch(machine, made, inputs, outputs=[((rows, 2), np.float32)]).run()
    finally:
        library().mgnsim_set_executor(None)
    ((kind, values),) = seen
    assert kind == 0
    return values


@pytest.mark.parametrize("aipp", [RECIPE, HARD, StaticAipp()], ids=["recipe", "hard", "mgn"])
def test_every_level_of_every_channel(tmp_path, aipp):
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, 3)
    got = fed_to_the_network(tmp_path, levels, aipp, (1,))
    np.testing.assert_array_equal(got, normalised(levels, aipp))


@pytest.mark.parametrize("seed", [0])
def test_pictures_of_a_batch(tmp_path, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (3, 6, 10, 3), dtype=np.uint8)
    got = fed_to_the_network(tmp_path, pixels, RECIPE, (3,))
    np.testing.assert_array_equal(got, normalised(pixels, RECIPE))


def test_a_gear_normalises_its_pictures_only(tmp_path):
    pixels = np.random.default_rng(1).integers(0, 256, (4, 6, 10, 3), dtype=np.uint8)
    got = fed_to_the_network(tmp_path, pixels, RECIPE, (1, 2, 4), gear=2)
    np.testing.assert_array_equal(got, normalised(pixels[:2], RECIPE))


def test_half_precision_shows(tmp_path):
    """Worked by hand: 255 - 123.6875 = 131.3125 rounds to 131.25, times 0.01712036 is 2.24704,
    which rounds to 1150 / 512."""
    white = np.full((1, 1, 1, 3), 255, np.uint8)
    got = fed_to_the_network(tmp_path, white, RECIPE, (1,))
    assert got[0, 0, 0, 0] == 2.24609375
    assert abs(got[0, 0, 0, 0] - (255 - 123.675) * 0.0171247538316637) > 5e-4


def test_the_stand_in_sees_the_pixels_themselves(tmp_path):
    pixels = np.random.default_rng(2).integers(0, 256, (2, 4, 4, 3), dtype=np.uint8)
    path = write_om(
        tmp_path / "m.om",
        batch_sizes=(2,),
        inputs=[TensorSpec("image", "float32", (3, 4, 4), "NCHW")],
        outputs=[TensorSpec("y", "float32", (5,))],
        aipp=RECIPE,
    )
    with Machine() as machine:
        (got,) = Batch(machine, path, [pixels], outputs=[((2, 5), np.float32)]).run()
    np.testing.assert_array_equal(got, stand_in([pixels], widths=[5])[0])
