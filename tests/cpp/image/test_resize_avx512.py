# SPDX-License-Identifier: Apache-2.0
"""cpp/image/resize_avx512.cpp at the sizes that are hard for it."""

import pytest

from mgn_fast import _core
from oracles.pixels import check_resize

SIMD = "avx512"
pytestmark = pytest.mark.skipif(SIMD not in _core.simd_levels(), reason="no AVX-512 on this CPU")


@pytest.mark.parametrize("width", [*range(1, 24), 42, 43, 63, 64, 65, 128])
def test_rows_of_any_rest_after_a_block(random, width):
    check_resize(SIMD, random, (3, 50), (7, width))
    check_resize(SIMD, random, (3, 2), (7, width))


@pytest.mark.parametrize("width", [*range(300, 480, 12), 1000, 2600])
def test_shrinking_across_the_widest_block(random, width):
    """Up to about 3.4 times a block's taps lie in 64 bytes; beyond, pixels go one at a time."""
    check_resize(SIMD, random, (2, width), (2, 128))
    check_resize(SIMD, random, (2, width // 9), (2, 14))


@pytest.mark.parametrize("taps", [19, 20, 21, 40, 41])
def test_pixels_with_any_rest_after_a_chunk_of_taps(random, taps):
    check_resize(SIMD, random, (1, taps), (1, 1))
    check_resize(SIMD, random, (1, 5 * taps), (1, 20))


@pytest.mark.parametrize("size", [4, 5, 8, 9, 40, 161])
def test_columns_with_any_number_of_groups(random, size):
    check_resize(SIMD, random, (size, 30), (2, 30))


@pytest.mark.parametrize("width", [1, 5, 20, 21, 22, 64])
def test_the_last_row_is_not_read_beyond_its_end(random, width):
    check_resize(SIMD, random, (1, width), (2, 70))
