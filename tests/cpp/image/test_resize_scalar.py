# SPDX-License-Identifier: Apache-2.0
"""cpp/image/resize_scalar.cpp at the sizes that are hard for it."""

import pytest

from oracles.pixels import check_resize

SIMD = "scalar"


@pytest.mark.parametrize("width", [1, 21, 22, 43, 64])
def test_rows_of_any_rest_after_64_bytes(random, width):
    check_resize(SIMD, random, (3, 50), (7, width))


@pytest.mark.parametrize("size", [4, 5, 8, 9, 40])
def test_taps_of_any_number_of_fours(random, size):
    check_resize(SIMD, random, (size, size), (2, 2))
