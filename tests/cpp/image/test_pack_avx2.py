# SPDX-License-Identifier: Apache-2.0
"""cpp/image/pack_avx2.cpp at the widths that are hard for it."""

import pytest

from mgn_fast import _core
from oracles.pixels import check_pack, every_level

SIMD = "avx2"
pytestmark = pytest.mark.skipif(SIMD not in _core.simd_levels(), reason="no AVX2 on this CPU")


@pytest.mark.parametrize("width", [*range(1, 26)])
def test_rows_of_any_rest_after_eight_pixels_and_after_five(width):
    check_pack(SIMD, every_level(width))
    check_pack(SIMD, every_level(width)[:1].copy(), offset=1)
