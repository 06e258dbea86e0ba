# SPDX-License-Identifier: Apache-2.0
"""cpp/eval/loops_avx512.cpp: the avx512 level against the one that this process runs at."""

import pytest

from support import eval_levels

pytestmark = pytest.mark.usefixtures("own_process")


def test_the_level_gives_the_results_of_the_others(tmp_path):
    eval_levels.assert_level_agrees("avx512", tmp_path)


@pytest.mark.skipif(not eval_levels.has("avx512"), reason="this CPU has no avx512")
def test_products_are_within_the_bound_of_their_sums():
    eval_levels.check_products_at("avx512")
