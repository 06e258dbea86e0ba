# SPDX-License-Identifier: Apache-2.0
"""cpp/image/pack.cpp against NumPy and torch."""

import numpy as np
import pytest
import torch

from mgn_fast import InvalidInputError, images, spec


def oracle(pixels):
    """(x / 255 - mean) / deviation, planes first, every step in float32."""
    mean, deviation = np.float32(spec.MEAN), np.float32(spec.DEVIATION)
    scaled = pixels.astype(np.float32) / np.float32(255)
    return ((scaled - mean) / deviation).transpose(2, 0, 1)


@pytest.fixture
def every_level():
    """All 256 levels in each channel, in another order each, in a picture that is not square."""
    levels = np.arange(256, dtype=np.uint8).reshape(8, 32)
    return np.ascontiguousarray(np.stack([levels, levels[::-1], levels[:, ::-1]], -1))


def test_worked_by_hand():
    pixels = np.array([[[255, 0, 51], [0, 255, 0]]], np.uint8)
    out = np.empty((3, 1, 2), np.float32)
    images.pack(pixels, out)
    red = [(1 - 0.485) / 0.229, -0.485 / 0.229]
    green = [-0.456 / 0.224, (1 - 0.456) / 0.224]
    blue = [(0.2 - 0.406) / 0.225, -0.406 / 0.225]
    np.testing.assert_allclose(out[:, 0], [red, green, blue], rtol=1e-6)
    images.pack(pixels, out, mirror=True)
    np.testing.assert_allclose(out[:, 0], [red[::-1], green[::-1], blue[::-1]], rtol=1e-6)


def test_every_level_is_numpys_to_the_bit(every_level):
    out = np.empty((3, 8, 32), np.float32)
    images.pack(every_level, out)
    np.testing.assert_array_equal(out, oracle(every_level))
    images.pack(every_level, out, mirror=True)
    np.testing.assert_array_equal(out, oracle(every_level)[:, :, ::-1])


def test_every_level_is_torchs_to_the_bit(every_level):
    planes = torch.from_numpy(every_level).permute(2, 0, 1).contiguous()
    mean, deviation = torch.tensor(spec.MEAN), torch.tensor(spec.DEVIATION)
    expected = planes.float().div(255).sub(mean[:, None, None]).div(deviation[:, None, None])
    out = np.empty((3, 8, 32), np.float32)
    images.pack(every_level, out)
    np.testing.assert_array_equal(out, expected.numpy())


def test_bytes_keep_their_layout(every_level):
    out = np.empty_like(every_level)
    images.pack(every_level, out)
    np.testing.assert_array_equal(out, every_level)
    images.pack(every_level, out, mirror=True)
    np.testing.assert_array_equal(out, every_level[:, ::-1])


def test_only_the_destination_is_written(every_level):
    batch = np.full((3, 3, 8, 32), np.float32(7))
    images.pack(every_level, batch[1])
    assert (batch[[0, 2]] == 7).all()
    assert not (batch[1] == 7).any()


@pytest.mark.parametrize(
    ("out", "message"),
    [
        (
            np.zeros((3, 32, 8), np.float32),
            r"out is float32 \(3, 32, 8\), expected float32 \(3, 8, 32\)",
        ),
        (np.zeros((8, 32, 3), np.float32), r"out is float32 \(8, 32, 3\)"),
        (np.zeros((3, 8, 32), np.float64), "out is float64"),
        (np.zeros((3, 8, 32), np.uint8), r"out is uint8 \(3, 8, 32\)"),
        (np.zeros((9, 32, 3), np.uint8), "expected the size of pixels"),
        (np.zeros((3, 8, 64), np.float32)[..., ::2], "in C order"),
    ],
)
def test_outputs_of_another_form_are_refused(every_level, out, message):
    with pytest.raises(InvalidInputError, match=message):
        images.pack(every_level, out)


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_a_read_only_output_is_refused(every_level, dtype):
    out = np.zeros((3, 8, 32) if dtype is np.float32 else (8, 32, 3), dtype)
    out.flags.writeable = False
    with pytest.raises(InvalidInputError, match="expected an array that may be written"):
        images.pack(every_level, out)
