# SPDX-License-Identifier: Apache-2.0
"""cpp/image/resize_neon.cpp at the sizes that are hard for it."""

import pytest

from mgn_fast import _core
from oracles.pixels import check_resize

SIMD = "neon"
pytestmark = pytest.mark.skipif(SIMD not in _core.simd_levels(), reason="no NEON on this CPU")


@pytest.mark.parametrize("width", range(1, 14))
def test_rows_of_any_rest_after_four_pixels(random, width):
    check_resize(SIMD, random, (3, 50), (7, width))
    check_resize(SIMD, random, (3, 2), (7, width))


@pytest.mark.parametrize("size", [4, 5, 6, 8, 9, 40, 161])
def test_taps_of_any_number_of_fours(random, size):
    check_resize(SIMD, random, (size, size), (2, 2))


@pytest.mark.parametrize("width", [10, 11, 21, 22, 43])
def test_columns_of_any_rest_after_two_vectors(random, width):
    check_resize(SIMD, random, (5, width), (9, width))
    check_resize(SIMD, random, (23, width), (3, width))  # more than four taps


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 6])
def test_the_last_row_is_not_read_beyond_its_end(random, width):
    """Pictures of one row: a vector reaches beyond nearly all of them."""
    check_resize(SIMD, random, (1, width), (2, 9))
