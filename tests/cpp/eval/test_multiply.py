# SPDX-License-Identifier: Apache-2.0
"""cpp/eval/multiply.cpp: float32 dot products of all pairs."""

import numpy as np
import pytest

from mgn_fast import InvalidInputError, _core
from support import eval_levels

pytestmark = pytest.mark.skipif(
    not _core.has_product(), reason="numpy's product serves this CPU, or MGN_FAST_SIMD is scalar"
)


def rows(seed, count, width):
    return np.random.default_rng(seed).standard_normal((count, width)).astype(np.float32)


def multiply(a, b, threads=1):
    out = np.full((len(a), len(b)), np.nan, np.float32)
    _core.multiply(a, b, out, _core.Scratch(), threads)
    return out


def test_worked_by_hand():
    a, b = np.array([[1, 2], [0, -1]], np.float32), np.array([[3, 4], [5, 6], [0, 1]], np.float32)
    np.testing.assert_array_equal(multiply(a, b), [[11, 17, 2], [-4, -6, -1]])


def test_products_are_within_the_bound_of_their_sums():
    eval_levels.check_products()


@pytest.mark.parametrize("width", [1, 255, 256, 700])
def test_a_pairs_product_depends_on_neither_place_nor_threads(width):
    a, b = rows(0, 300, width), rows(1, 1100, width)
    whole = multiply(a, b)
    for threads in (2, 3, 7):
        np.testing.assert_array_equal(multiply(a, b, threads), whole)
    for left in (slice(0, 1), slice(17, 40), slice(290, 300)):
        for right in (slice(0, 1000), slice(513, 530), slice(1099, 1100)):
            np.testing.assert_array_equal(multiply(a[left], b[right]), whole[left, right])
    np.testing.assert_array_equal(multiply(b, a, 2), whole.T)


def test_nothing_beside_the_result_is_written():
    a, b = rows(2, 15, 40), rows(3, 33, 40)
    room = np.full((17, 33), 7.0, np.float32)
    _core.multiply(a, b, room[1:16], _core.Scratch(), 2)
    np.testing.assert_array_equal(room[[0, 16]], 7.0)


def test_scratch_may_serve_products_of_any_width():
    scratch = _core.Scratch()
    for width in (40, 7, 300, 1):
        a, b = rows(4, 30, width), rows(5, 70, width)
        out = np.empty((30, 70), np.float32)
        _core.multiply(a, b, out, scratch, 2)
        np.testing.assert_array_equal(out, multiply(a, b))


A, B, OUT = rows(0, 2, 3), rows(1, 4, 3), np.zeros((2, 4), np.float32)
REFUSALS = {
    "out transposed": (A, B, OUT.T.copy(), r"out is \(4, 2\) for rows \(2, 3\) and columns \(4, 3"),
    "other width": (A, rows(1, 4, 2), OUT, r"expected \(2, 4\) and rows of one width"),
    "float64": (A.astype(np.float64), B, OUT, "rows is float64"),
    "out strided": (A, B, np.zeros((2, 8), np.float32)[:, ::2], "out is .* C order"),
}


@pytest.mark.parametrize(("a", "b", "out", "message"), REFUSALS.values(), ids=REFUSALS.keys())
def test_refuses_arrays_that_do_not_fit(a, b, out, message):
    with pytest.raises(InvalidInputError, match=message):
        _core.multiply(a, b, out, _core.Scratch(), 1)


@pytest.mark.usefixtures("own_process")
def test_refuses_to_multiply_where_numpy_does_better():
    program = (
        "import numpy as np; from mgn_fast import _core; a = np.ones((1, 1), np.float32);"
        "_core.multiply(a, a, a.copy(), _core.Scratch(), 1)"
    )
    run = eval_levels.run_at("scalar", program)
    assert "InvalidInputError: this SIMD level has no product of its own" in run.stderr
