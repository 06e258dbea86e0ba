# SPDX-License-Identifier: Apache-2.0
"""cpp/eval/roundings.cpp: what the order of our product's sums says of its rounding."""

import numpy as np
import pytest

from mgn_fast import InvalidInputError, _core

UNIT = 2.0**-24
needs_product = pytest.mark.skipif(
    not _core.has_product(), reason="numpy's product serves this CPU, or MGN_FAST_SIMD is scalar"
)


def rounding_counts(width):
    """How often value k is rounded: in its chunk of 64, its block of 256, and among blocks."""
    counts = []
    for k in range(width):
        block_end = min(width, (k // 256 + 1) * 256)
        chunk_end = min(block_end, (k // 64 + 1) * 64)
        later_chunks = -(-(block_end - chunk_end) // 64)
        later_blocks = -(-(width - block_end) // 256)
        counts.append(chunk_end - k + 1 + later_chunks + 1 + later_blocks)
    return np.array(counts, float)


def test_counts_worked_by_hand():
    assert rounding_counts(1).tolist() == [3]  # its product, and to nothing in a block and a sum
    assert rounding_counts(300)[[0, 63, 64, 255, 256, 299]].tolist() == [70, 7, 69, 4, 46, 3]


@pytest.mark.parametrize("width", [1, 3, 63, 64, 65, 255, 256, 257, 300, 2048])
def test_a_weight_is_the_root_of_the_counted_squares(width):
    rows = np.random.default_rng(width).standard_normal((7, width)).astype(np.float32)
    expected = np.sqrt((np.square(rows.astype(np.float64)) * rounding_counts(width)).sum(axis=1))
    for threads in (1, 3):
        np.testing.assert_allclose(_core.rounding_weights(rows, threads), expected, rtol=1e-13)


def upward(width):
    """A row that rounds up by half a unit wherever its product with itself adds a term to 1."""
    row = np.full(width, np.float32(2.0**-12 * (1 + 2.0**-20)))
    row[0] = 1
    return row[None]


@needs_product
@pytest.mark.parametrize(("width", "share"), [(64, 0.85), (256, 0.25), (2048, 0.1)])
def test_rounding_comes_near_the_bound_and_not_beyond(width, share):
    row, out = upward(width), np.empty((1, 1), np.float32)
    _core.multiply(row, row, out, _core.Scratch(), 1)
    error = abs(float(out[0, 0]) - float(np.square(row.astype(np.float64)).sum()))
    bound = UNIT * float(_core.rounding_weights(row, 1)[0]) ** 2
    assert share * bound < error < 1.001 * bound


def screened(a, b, *, weighed=True, dots=None):
    squares = _core.squared_lengths(a, 1), _core.squared_lengths(b, 1)
    weights = (_core.rounding_weights(a, 1), _core.rounding_weights(b, 1)) if weighed else ()
    if dots is None:
        dots = np.empty((len(a), len(b)), np.float32)
        _core.multiply(a, b, dots, _core.Scratch(), 1)
    return dots, _core.screen_in_place(dots, a, b, *squares, "squared_distance", 1, *weights)


@needs_product
@pytest.mark.parametrize("width", [1, 40, 257, 2048])
@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e6])
def test_distances_of_our_product_are_within_the_margin(width, scale):
    random = np.random.default_rng(width)
    a, b = (
        (scale * np.abs(random.standard_normal((n, width)))).astype(np.float32) for n in (9, 50)
    )
    values, block = screened(a, b)
    exact = np.square(a.astype(np.float64)[:, None] - b).sum(-1)
    margins = np.array([block.margin(row) for row in range(9)])
    assert (np.abs(values - exact) <= margins[:, None]).all()


def test_the_margin_is_a_small_part_of_what_any_order_allows():
    rows = np.random.default_rng(0).standard_normal((4, 2048)).astype(np.float32)
    dots = rows @ rows.T
    tight = screened(rows, rows, dots=dots.copy())[1]
    wide = screened(rows, rows, dots=dots.copy(), weighed=False)[1]
    assert 30 * tight.margin(0) < wide.margin(0) < 60 * tight.margin(0)


def test_weights_that_do_not_fit_and_rows_that_are_not_there_are_refused():
    rows, dots = np.ones((2, 3), np.float32), np.ones((2, 2), np.float32)
    squares = _core.squared_lengths(rows, 1)
    screen = _core.screen_in_place
    with pytest.raises(InvalidInputError, match="column_weights has 0 entries, expected 2"):
        screen(dots, rows, rows, squares, squares, "squared_distance", 1, squares)
    with pytest.raises(InvalidInputError, match="row_weights has 1 entries, expected 2"):
        screen(dots, rows, rows, squares, squares, "squared_distance", 1, squares[:1], squares)
    block = screen(dots, rows, rows, squares, squares, "squared_distance", 1)
    with pytest.raises(InvalidInputError, match="row is 2, expected less than 2"):
        block.margin(2)
