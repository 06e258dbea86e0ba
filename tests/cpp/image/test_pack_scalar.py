# SPDX-License-Identifier: Apache-2.0
"""cpp/image/pack_scalar.cpp at the widths that are hard for it."""

import pytest

from oracles.pixels import check_pack, every_level

SIMD = "scalar"


@pytest.mark.parametrize("width", [1, 2, 3, 64])
def test_rows_of_few_pixels(width):
    check_pack(SIMD, every_level(width))
    check_pack(SIMD, every_level(width)[:1].copy(), offset=1)
