# SPDX-License-Identifier: Apache-2.0
import ctypes

import numpy as np
import pytest

from support.acl_models import library

SIZES = {
    1: [2, 4, 12, 29, 30],
    2: [1, 6, 7, 27],
    4: [0, 3, 8, 33],
    8: [9, 10, 11, 16],
    16: [17],
    0: [-1, 5, 13, 100],
}


@pytest.mark.parametrize(("size", "kinds"), SIZES.items())
def test_sizes_of_element_types(size, kinds):
    assert [library().aclDataTypeSize(kind) for kind in kinds] == [size] * len(kinds)


def test_every_half_becomes_the_float_that_numpy_says():
    bits = np.arange(1 << 16, dtype=np.uint16)
    convert = library().aclFloat16ToFloat
    got = np.array([convert(ctypes.c_uint16(int(b))) for b in bits], np.float32)
    with np.errstate(invalid="ignore"):  # signalling NaNs, where the CPU tells of them
        expected = bits.view(np.float16).astype(np.float32)
    np.testing.assert_array_equal(got, expected)  # NaN where NaN
    np.testing.assert_array_equal(np.signbit(got), np.signbit(expected))


def halves(values):
    convert = library().aclFloatToFloat16
    got = [convert(ctypes.c_float(float(value))) for value in values]
    return np.array(got, np.uint16).view(np.float16)


def test_every_half_survives_the_way_there_and_back():
    values = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    with np.errstate(invalid="ignore"):  # as above
        wide = values.astype(np.float32)
    np.testing.assert_array_equal(halves(wide), values)


def test_rounding_is_to_nearest_with_ties_to_even():
    """Around every step between neighbouring halves: below, at and above the middle."""
    steps = np.arange(0x7C00, dtype=np.uint16)[::7].view(np.float16).astype(np.float32)
    above = (np.arange(0x7C00, dtype=np.uint16)[::7] + 1).view(np.float16).astype(np.float32)
    above[~np.isfinite(above)] = 65536
    middle = (steps + above) / 2
    values = np.concatenate(
        [middle, np.nextafter(middle, np.float32(0)), np.nextafter(middle, np.float32(np.inf))]
    )
    values = np.concatenate([values, -values])
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(halves(values), values.astype(np.float16))


@pytest.mark.parametrize("seed", [0, 1])
def test_random_bit_patterns_convert_as_in_numpy(seed):
    bits = np.random.default_rng(seed).integers(0, 1 << 32, 20000, dtype=np.uint32)
    values = bits.view(np.float32)
    values = values[~np.isnan(values)]
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(halves(values), values.astype(np.float16))
    assert np.isnan(halves([np.float32("nan")]))[0]
