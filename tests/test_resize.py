# SPDX-License-Identifier: Apache-2.0
"""cpp/image/resize.cpp against Pillow itself."""

import numpy as np
import pytest
from PIL import Image

from mgn_fast import InvalidInputError, _core, images


def pillow(pixels, height, width):
    """Rows first, then columns: what one call does in Pillow up to 12 for every size, and in later
    ones wherever they do not shrink tall pictures the other way round."""
    rows_done = Image.fromarray(pixels).resize((width, pixels.shape[0]), Image.Resampling.BICUBIC)
    return np.asarray(rows_done.resize((width, height), Image.Resampling.BICUBIC))


def hard_pictures(random, height, width):
    """Noise, and black and white noise, whose overshoot is largest."""
    yield random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    yield (random.integers(0, 2, (height, width, 3)) * 255).astype(np.uint8)


@pytest.mark.parametrize(
    "size",
    [
        *[(128, 64), (50, 100), (128, 256), (37, 91), (300, 700), (128, 384), (384, 128)],
        *[(1, 1), (1, 500), (500, 1), (2000, 3), (3, 2000), (384, 64), (128, 128)],
    ],
    ids=str,
)
def test_every_byte_is_pillows_at_the_networks_size(random, size):
    for pixels in hard_pictures(random, *size):
        np.testing.assert_array_equal(images.resize(pixels), pillow(pixels, 384, 128))


@pytest.mark.parametrize("seed", range(100))
def test_every_byte_is_pillows_at_random_sizes(seed):
    random = np.random.default_rng(seed)
    height, width, out_height, out_width = (int(n) for n in random.integers(1, 200, 4))
    for pixels in hard_pictures(random, height, width):
        got = images.resize(pixels, height=out_height, width=out_width)
        np.testing.assert_array_equal(got, pillow(pixels, out_height, out_width))


def test_one_pillow_call_gives_the_same_for_crops_of_people(random):
    for size in [(128, 64), (256, 128), (200, 90), (384, 128)]:
        pixels = random.integers(0, 256, (*size, 3), dtype=np.uint8)
        once = Image.fromarray(pixels).resize((128, 384), Image.Resampling.BICUBIC)
        np.testing.assert_array_equal(images.resize(pixels), np.asarray(once))


def test_the_same_size_is_a_copy(random):
    pixels = random.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    np.testing.assert_array_equal(images.resize(pixels, height=5, width=7), pixels)


@pytest.mark.parametrize(
    ("pixels", "out", "message"),
    [
        (np.zeros((4, 4), np.uint8), None, r"pixels is uint8 \(4, 4\), expected uint8"),
        (np.zeros((4, 4, 4), np.uint8), None, r"pixels is uint8 \(4, 4, 4\)"),
        (np.zeros((4, 4, 3), np.int8), None, r"pixels is int8 \(4, 4, 3\), expected uint8"),
        (np.zeros((4, 8, 3), np.uint8)[:, ::2], None, "in C order"),
        (np.zeros((0, 4, 3), np.uint8), None, "pixels has height 0 and width 4"),
        (None, np.zeros((0, 4, 3), np.uint8), "out has height 0 and width 4"),
        (None, np.zeros((4, 4, 3), np.float32), "out is float32"),
        (None, np.broadcast_to(np.uint8(0), (4, 4, 3)), "in C order"),
    ],
)
def test_buffers_of_another_form_are_refused(pixels, out, message):
    good = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(InvalidInputError, match=message):
        _core.resize(good if pixels is None else pixels, good if out is None else out)


def test_a_read_only_output_is_refused():
    out = np.zeros((4, 4, 3), np.uint8)
    out.flags.writeable = False
    with pytest.raises(InvalidInputError, match="expected an array that may be written"):
        _core.resize(np.zeros((2, 2, 3), np.uint8), out)
