# SPDX-License-Identifier: Apache-2.0
"""cpp/eval/loops_neon_bf16.cpp: how BFDOT rounds, on which its bound rests.

That bound, and what the levels share, is tested in test_loops_bf16.py on either machine.
"""

import platform

import numpy as np
import pytest

from mgn_fast import _core
from support.eval_levels import halves_of

needs_it = pytest.mark.skipif(
    platform.machine() != "aarch64" or not _core.has_bfloat16_product(),
    reason="this CPU, or MGN_FAST_SIMD, has no BFDOT",
)


def to_odd(values):
    """Float64 values as float32, by the neighbour with an odd last bit where they are not exact."""
    nearest = values.astype(np.float32)
    too_long = abs(nearest.astype(np.float64)) > abs(values)
    shorter = np.where(too_long, np.nextafter(nearest, np.float32(0)), nearest)
    inexact = shorter.astype(np.float64) != values
    return (shorter.view(np.uint32) | inexact).view(np.float32)


def test_rounding_to_odd_worked_by_hand():
    last = 2.0**-23
    values = [1.0, 1 + last, 1 + 0.1 * last, 1 + 0.9 * last, 1 + 1.9 * last, -1 - 0.1 * last]
    expected = [1.0, 1 + last, 1 + last, 1 + last, 1 + last, -1 - last]
    assert to_odd(np.array(values)).tolist() == expected


@needs_it
@pytest.mark.parametrize("width", [1, 2, 3, 31, 128])
def test_sums_are_rounded_to_odd_a_pair_at_a_time(width):
    random = np.random.default_rng(width)
    rows = [random.standard_normal((count, width)).astype(np.float32) for count in (9, 21)]
    pairs = [_core.to_bfloat16(part, 1)[0] for part in rows]
    out = np.full((9, 21), np.nan, np.float32)
    _core.multiply_bfloat16(*pairs, out, _core.Scratch(), 1)
    even = 2 * pairs[0].shape[1]
    left, right = (halves_of(part, even).astype(np.float64) for part in pairs)
    expected = np.zeros((9, 21), np.float32)
    for k in range(0, even, 2):
        terms = [left[:, None, at] * right[:, at] for at in (k, k + 1)]
        pair = to_odd(terms[0] + terms[1]).astype(np.float64)
        expected = to_odd(expected.astype(np.float64) + pair)
    np.testing.assert_array_equal(out, expected)
