# SPDX-License-Identifier: Apache-2.0
"""cpp/eval/loops.cpp: the scalar level against the one that this process runs at."""

import pytest

from support import eval_levels

pytestmark = pytest.mark.usefixtures("own_process")


def test_the_level_gives_the_results_of_the_others(tmp_path):
    eval_levels.assert_level_agrees("scalar", tmp_path)


def test_the_scalar_level_leaves_products_to_numpy():
    run = eval_levels.run_at("scalar", "from mgn_fast import _core; assert not _core.has_product()")
    assert run.returncode == 0, run.stderr


def test_a_level_that_does_not_exist_is_refused():
    program = "import numpy; from mgn_fast import _core; _core.has_product()"
    run = eval_levels.run_at("avx1024", program)
    assert "InvalidInputError: MGN_FAST_SIMD is 'avx1024', expected" in run.stderr
