# SPDX-License-Identifier: Apache-2.0
"""cpp/image/taps.cpp, seen through pictures that show one weight at a time."""

import numpy as np
import pytest

from mgn_fast import _core
from oracles.pixels import FILTERS, check_resize, weights

SIZES = [(1, 1), (1, 7), (2, 4), (3, 2), (5, 13), (13, 5), (64, 128), (128, 384), (300, 128)]


def impulse_response(input_size, output_size, filter):
    """[output, input]: what a row with one white pixel becomes, for each place of that pixel."""
    pixels = np.zeros((input_size, input_size, 3), np.uint8)
    pixels[range(input_size), range(input_size)] = 255
    out = np.empty((input_size, output_size, 3), np.uint8)
    _core.resize(pixels, out, filter)
    return out[..., 0].T


@pytest.mark.parametrize("filter", FILTERS)
@pytest.mark.parametrize(("input_size", "output_size"), SIZES)
def test_a_white_pixel_spreads_by_its_weights(input_size, output_size, filter):
    # A weight is within 2^-23 of the exact one, so a byte is off only where 255 w is that near to
    # the middle between two: np.rint decides those its own way, hence 1 for ties alone.
    exact = np.clip(255 * weights(input_size, output_size, filter), 0, 255)
    got = impulse_response(input_size, output_size, filter).astype(np.int64)
    near_a_tie = abs(exact % 1 - 0.5) < 1e-4
    np.testing.assert_array_equal(got[~near_a_tie], np.rint(exact)[~near_a_tie])
    assert (abs(got - exact) <= 0.5 + 1e-4).all()


@pytest.mark.parametrize("filter", FILTERS)
@pytest.mark.parametrize("value", [0, 1, 127, 254, 255])
def test_a_flat_picture_stays_flat(value, filter, random):
    for _ in range(40):
        height, width, to_height, to_width = (int(n) for n in random.integers(1, 300, 4))
        flat = np.full((height, width, 3), value, np.uint8)
        out = np.empty((to_height, to_width, 3), np.uint8)
        _core.resize(flat, out, filter)
        assert (out == value).all()


@pytest.mark.parametrize("filter", FILTERS)
def test_no_weight_needs_more_than_three_signed_bytes(filter):
    # The largest number of three signed bytes; the kernels split a weight into such.
    most = 127 * (65536 + 256 + 1) / 2**22
    sizes = [(a, b) for a in range(1, 24) for b in range(1, 24)] + [(64, 128), (2, 999), (999, 2)]
    assert max(abs(weights(*pair, filter)).max() for pair in sizes) < most


@pytest.mark.parametrize("simd", _core.simd_levels())
@pytest.mark.parametrize("size", [5000, 1001, 37])
def test_weights_of_zero_do_not_reach_far_beyond_the_edge(random, simd, size):
    """At an edge half of the taps are cut off; a sanitizer sees what is read in their place."""
    check_resize(simd, random, (1, size), (1, 10))
    check_resize(simd, random, (size, 1), (10, 1))
