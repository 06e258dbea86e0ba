# SPDX-License-Identifier: Apache-2.0
"""cpp/image/pack_avx512.cpp at the widths that are hard for it."""

import pytest

from mgn_fast import _core
from oracles.pixels import check_pack, every_level

SIMD = "avx512"
pytestmark = pytest.mark.skipif(SIMD not in _core.simd_levels(), reason="no AVX-512 on this CPU")


@pytest.mark.parametrize("width", [*range(1, 36), 47, 48, 49, 63, 64, 65, 96, 127, 128, 129])
def test_rows_of_any_rest_after_a_vector_of_each_kind(width):
    check_pack(SIMD, every_level(width))
    check_pack(SIMD, every_level(width)[:1].copy(), offset=1)
