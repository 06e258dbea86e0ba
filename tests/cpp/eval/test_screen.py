# SPDX-License-Identifier: Apache-2.0
"""cpp/eval/screen.cpp: float32 distances from products, and the float64 ones that settle them."""

from fractions import Fraction

import numpy as np
import pytest

from mgn_fast import InvalidInputError, _core


def rows(seed, count, width):
    return np.random.default_rng(seed).standard_normal((count, width)).astype(np.float32)


def screened(dots, a, b, metric="squared_distance", threads=1):
    squares = _core.squared_lengths(a, 1), _core.squared_lengths(b, 1)
    return _core.screen_in_place(dots, a, b, *squares, metric, threads)


def exact_of(a, b, metric):
    """All exact distances of one query, in gallery order, through the core's own list."""
    columns = np.full((len(a), len(b)), -1, np.int32)
    values = np.full((len(a), len(b)), np.inf)
    _core.merge_nearest(screened(a @ b.T, a, b, metric), 0, columns, values, 1)
    out = np.empty_like(values)
    np.put_along_axis(out, columns.astype(np.int64), values, axis=1)
    return out


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("squared_distance", [[3**2 + 4**2, 1**2 + 1**2]]),
        ("unit_rows", [[2 - 2 * (4 - 4), 2 - 2 * (2 + 2)]]),
    ],
)
def test_worked_by_hand(metric, expected):
    a, b = np.array([[1, 2]], np.float32), np.array([[4, -2], [2, 1]], np.float32)
    block = a @ b.T
    screened(block, a, b, metric)
    np.testing.assert_array_equal(block, expected)
    np.testing.assert_array_equal(exact_of(a, b, metric), expected)


@pytest.mark.parametrize("width", [1, 3, 7, 8, 9, 16, 31, 2048])
def test_squared_lengths_are_exact_to_rounding(width):
    a = rows(width, 5, width)
    expected = [float(sum(Fraction(float(x)) ** 2 for x in row)) for row in a]
    # A sum of n squares in float64, any order: relative error at most n * 2^-53.
    np.testing.assert_allclose(_core.squared_lengths(a, 2), expected, rtol=width * 2.0**-53 + 1e-16)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_squared_lengths_show_what_is_not_finite(value):
    a = rows(0, 4, 9)
    a[2, 8] = value
    np.testing.assert_array_equal(np.isfinite(_core.squared_lengths(a, 1)), [1, 1, 0, 1])


@pytest.mark.parametrize("metric", ["squared_distance", "unit_rows"])
@pytest.mark.parametrize("width", [1, 5, 8, 17, 64])
def test_settled_distances_do_not_depend_on_products(width, metric):
    a, b = rows(width, 3, width), rows(width + 1, 40, width)
    difference = (a.astype(np.float64)[:, None] - b) ** 2
    dots = (a.astype(np.float64)[:, None] * b).sum(-1)
    expected = difference.sum(-1) if metric == "squared_distance" else 2 - 2 * dots
    # Terms are below 40; 64 of them in float64 lose less than 64 * 40 * 64 * 2^-53.
    np.testing.assert_allclose(exact_of(a, b, metric), expected, rtol=0, atol=2e-11)


@pytest.mark.parametrize("metric", ["squared_distance", "unit_rows"])
def test_equal_rows_have_equal_settled_distances(metric):
    a = rows(0, 1, 2048)
    b = np.repeat(rows(1, 1, 2048), 50, axis=0)
    assert len(np.unique(exact_of(a, b, metric))) == 1


@pytest.mark.parametrize("threads", [1, 3])
def test_distances_replace_products_in_place(threads):
    a, b = rows(0, 10, 33), rows(1, 21, 33)
    block = a @ b.T
    screened(block, a, b, threads=threads)
    expected = ((a.astype(np.float64)[:, None] - b) ** 2).sum(-1)
    # float32: 33 terms and four more roundings of values below 200.
    np.testing.assert_allclose(block, expected, rtol=0, atol=37 * 200 * 2.0**-24)


A, B = np.ones((2, 3), np.float32), np.ones((4, 3), np.float32)
REFUSALS = {
    "dots of another shape": ((np.ones((2, 5), np.float32), A, B), "columns has 4 entries"),
    "dots in float64": ((np.ones((2, 4)), A, B), "dots is float64"),
    "rows of another number": ((np.ones((1, 4), np.float32), A, B), "rows has 2 entries"),
    "another width": ((np.ones((2, 4), np.float32), A, B[:, :2].copy()), "a row of columns has 2"),
}


@pytest.mark.parametrize(("arrays", "message"), REFUSALS.values(), ids=REFUSALS.keys())
def test_refuses_blocks_that_do_not_fit(arrays, message):
    with pytest.raises(InvalidInputError, match=message):
        screened(*arrays)


def test_refuses_an_unknown_metric_and_a_read_only_block():
    with pytest.raises(InvalidInputError, match="metric is 'cosine'"):
        screened(A @ B.T, A, B, "cosine")
    block = A @ B.T
    block.flags.writeable = False
    with pytest.raises(InvalidInputError, match="may be written"):
        screened(block, A, B)
