# SPDX-License-Identifier: Apache-2.0
"""cpp/image/pack_neon.cpp at the widths and normalisations that are hard for it."""

import pytest

from mgn_fast import _core
from oracles.pixels import check_pack, every_level

SIMD = "neon"
pytestmark = pytest.mark.skipif(SIMD not in _core.simd_levels(), reason="no NEON on this CPU")


@pytest.mark.parametrize("width", [*range(1, 50)])
def test_rows_of_any_rest_after_sixteen_pixels(width):
    check_pack(SIMD, every_level(width))
    check_pack(SIMD, every_level(width)[:1].copy(), offset=1)


@pytest.mark.parametrize("width", [15, 16, 33])
def test_values_that_no_reciprocal_gives_are_looked_up(width):
    """A deviation below the normal numbers has no reciprocal in float32."""
    check_pack(SIMD, every_level(width), deviation=(0.5, 1e-39, 0.5))


@pytest.mark.parametrize("width", [16, 33])
def test_halves_are_rounded_as_by_the_plain_loops(width):
    """To infinity, to subnormal halves, and to zero."""
    check_pack(SIMD, every_level(width), scale=1.0, deviation=(2.0**-9, 2.0**20, 2.0**28))
