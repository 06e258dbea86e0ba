# SPDX-License-Identifier: Apache-2.0
"""cpp/eval/loops_bf16.cpp: products of bfloat16 pairs, where the CPU multiplies them.

On AArch64 they are those of loops_neon_bf16.cpp.
"""

import numpy as np
import pytest

from mgn_fast import InvalidInputError, _core
from support import eval_levels

needs_it = pytest.mark.skipif(
    not _core.has_bfloat16_product(), reason="this CPU, or MGN_FAST_SIMD, has no bfloat16 product"
)


@needs_it
@pytest.mark.parametrize("shape", eval_levels.PRODUCT_SHAPES, ids=str)
def test_products_are_within_the_bound_of_their_sums(shape):
    eval_levels.check_pairs(shape)


@needs_it
def test_a_pairs_product_does_not_depend_on_its_place():
    rows = np.random.default_rng(0).standard_normal((600, 70)).astype(np.float32)
    pairs = _core.to_bfloat16(rows, 1)[0]
    whole = np.empty((600, 600), np.float32)
    _core.multiply_bfloat16(pairs, pairs, whole, _core.Scratch(), 2)
    part = np.empty((37, 91), np.float32)
    _core.multiply_bfloat16(pairs[5:42], pairs[409:500], part, _core.Scratch(), 1)
    np.testing.assert_array_equal(part, whole[5:42, 409:500])


@pytest.mark.usefixtures("own_process")
@pytest.mark.parametrize("level", ["scalar", "avx2"])
def test_other_levels_have_none(level):
    if not eval_levels.has(level):
        pytest.skip(f"this CPU has no {level}")
    program = (
        "import numpy as np; from mgn_fast import _core, InvalidInputError\n"
        "assert not _core.has_bfloat16_product()\n"
        "one = np.ones((1, 1), np.float32)\n"
        "try: _core.multiply_bfloat16(one, one, one.copy(), _core.Scratch(), 1)\n"
        "except InvalidInputError: pass\n"
        "else: raise SystemExit('not refused')"
    )
    run = eval_levels.run_at(level, program)
    assert run.returncode == 0, run.stderr


@needs_it
def test_refuses_pairs_of_other_widths():
    with pytest.raises(InvalidInputError, match="rows of one width"):
        _core.multiply_bfloat16(
            np.zeros((1, 2), np.float32),
            np.zeros((1, 3), np.float32),
            np.zeros((1, 1), np.float32),
            _core.Scratch(),
            1,
        )
