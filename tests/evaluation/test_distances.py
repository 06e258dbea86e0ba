# SPDX-License-Identifier: Apache-2.0
"""distances.py: distances, similarities and rankings, and what it refuses to rank."""

import itertools
import warnings

import numpy as np
import pytest

from mgn_fast import (
    Identities,
    InvalidInputError,
    _core,
    cosine_similarity,
    evaluate,
    group,
    rank,
    rerank,
    squared_distance,
)
from mgn_fast.evaluation import distances
from oracles import retrieval
from support.eval_levels import curve_by_blocks
from support.late import late

cdist = late("scipy.spatial.distance.cdist")

PAIRWISE = [squared_distance, cosine_similarity]


def rows(seed, count, width=24, dtype=np.float32):
    return np.random.default_rng(seed).standard_normal((count, width)).astype(dtype)


def test_squared_distance_worked_by_hand():
    a, b = np.array([[0, 0], [1, 1]], np.float32), np.array([[3, 4], [1, 1]], np.float32)
    np.testing.assert_array_equal(squared_distance(a, b), [[25, 2], [13, 0]])


def test_cosine_similarity_worked_by_hand():
    a = np.array([[2, 0], [1, 1]], np.float32)
    b = np.array([[5, 0], [0, 1], [-3, 0]], np.float32)
    half = np.sqrt(0.5)
    np.testing.assert_allclose(cosine_similarity(a, b), [[1, 0, -1], [half, half, -half]], 1e-7)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("count", [1, 5, 2049])
def test_pairs_agree_with_scipy_in_float64(count, dtype):
    a, b = rows(0, 3, dtype=dtype), rows(1, count, dtype=dtype)
    wide = a.astype(np.float64), b.astype(np.float64)
    # Results are rounded to their type once: half a unit in the last place, and a little for
    # float64's own sums of 24 terms.
    tolerance = 3e-14 if dtype == np.float64 else 2.0**-24 + 1e-14
    got = squared_distance(a, b)
    assert got.dtype == (np.float64 if dtype == np.float64 else np.float32)
    np.testing.assert_allclose(got, cdist(*wide, "sqeuclidean"), rtol=tolerance)
    got = cosine_similarity(a, b)
    np.testing.assert_allclose(got, 1 - cdist(*wide, "cosine"), rtol=tolerance, atol=1e-14)


def test_ranges_hold_whatever_rounding_does():
    a = rows(3, 300)
    assert squared_distance(a, a).min() >= 0.0
    assert np.abs(cosine_similarity(a, a * np.float32(3.0))).max() <= 1.0
    assert np.abs(cosine_similarity(a.astype(np.float64), a.astype(np.float64))).max() <= 1.0


@pytest.mark.parametrize("scale", [1e-30, 1e30, 1e300])
def test_cosine_similarity_takes_rows_of_any_length(scale):
    a = rows(4, 5, dtype=np.float64)
    np.testing.assert_allclose(cosine_similarity(a * scale, a), cosine_similarity(a, a), rtol=1e-12)


def test_cosine_similarity_refuses_a_row_without_direction():
    b = rows(5, 2500)
    b[2222] = 0.0
    with pytest.raises(InvalidInputError, match="b has only zeros in row 2222"):
        cosine_similarity(rows(6, 2), b)


def test_rank_worked_by_hand():
    query = np.array([[0, 0], [3, 4]], np.float32)
    gallery = np.array([[3, 4], [0, 0], [0, 1], [1, 0]], np.float32)
    ranking = rank(query, gallery, depth=3)
    np.testing.assert_array_equal(ranking.indices, [[1, 2, 3], [0, 2, 3]])
    np.testing.assert_allclose(ranking.distances, [[0, 1, 1], [0, 18**0.5, 20**0.5]], rtol=1e-7)
    assert (ranking.indices.dtype, ranking.distances.dtype) == (np.int32, np.float32)


@pytest.mark.parametrize("depth", [1, 10, 299, 300, 301])
def test_rank_agrees_with_a_stable_sort(depth):
    query, gallery = rows(7, 11), rows(8, 300)
    gallery[100:140] = gallery[20]  # forty-one equal pictures
    gallery[250:260] = query[2]
    exact = retrieval.squared_distances(query, gallery)
    expected = np.array([retrieval.order(row)[:depth] for row in exact])
    ranking = rank(query, gallery, depth=depth)
    np.testing.assert_array_equal(ranking.indices, expected)
    np.testing.assert_allclose(
        ranking.distances, np.sqrt(np.take_along_axis(exact, expected, 1)), rtol=1e-6
    )


def test_rank_lists_a_small_gallery_whole():
    assert rank(rows(0, 2), rows(1, 7)).indices.shape == (2, 7)


@pytest.mark.parametrize("block_rows", [1, 3, 5])
def test_rank_does_not_depend_on_blocks_or_threads(monkeypatch, block_rows):
    query, gallery = rows(9, 13), np.repeat(rows(10, 40), 5, axis=0)
    whole = rank(query, gallery)
    monkeypatch.setattr(distances, "BLOCK_ROWS", block_rows)
    monkeypatch.setenv("MGN_FAST_THREADS", "3")
    cut = rank(query, gallery)
    np.testing.assert_array_equal(cut.indices, whole.indices)
    np.testing.assert_array_equal(cut.distances, whole.distances)


def test_blocks_hold_a_bounded_number_of_elements():
    blocks = list(distances.row_blocks(10_000, 10**6))
    assert [blocks[0].start, blocks[-1].stop] == [0, 10_000]
    assert max(part.stop - part.start for part in blocks) * 10**6 <= distances.BLOCK_ELEMENTS
    assert all(one.stop == two.start for one, two in itertools.pairwise(blocks))
    assert list(distances.row_blocks(3, 10**9)) == [slice(0, 1), slice(1, 2), slice(2, 3)]


SIDES = (
    Identities(np.arange(100) % 9, np.arange(100) % 2),
    Identities(np.arange(200) % 9, np.arange(200) % 3),
)
CALLS = {
    "rank": lambda query, gallery: rank(query, gallery, depth=7).indices,
    "evaluate": lambda query, gallery: evaluate(query, gallery, *SIDES).average_precision,
    "rerank": lambda query, gallery: rerank(query, gallery, k1=7).round(4),
    "group": lambda query, gallery: group(np.concatenate([query, gallery]), k1=7),
    "verification_curve": lambda *rows: curve_by_blocks(*rows, *SIDES)["true_accept_rate"],
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_products_of_numpys_let_interrupts_in_and_change_nothing(monkeypatch, call):
    rows = np.random.default_rng(0).standard_normal((300, 32)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    expected = call(rows[:100], rows[100:])
    assert distances.PRODUCT_TERMS <= 1 << 29
    monkeypatch.setattr(distances, "PRODUCT_TERMS", 1 << 14)
    for name in ("has_product", "has_bfloat16_product"):
        monkeypatch.setattr(_core, name, lambda: False)
    terms, matmul = [], np.matmul

    def counted(a, b, out):
        terms.append(a.size * b.shape[1])
        return matmul(a, b, out=out)

    monkeypatch.setattr(np, "matmul", counted)
    np.testing.assert_array_equal(call(rows[:100], rows[100:]), expected)
    assert len(terms) > 10
    assert max(terms) <= 1 << 14


@pytest.mark.parametrize("width", [1, 128, 2048])
def test_a_block_of_float64_is_32_mb_at_most(width):
    many = np.broadcast_to(np.float32(1), (5000, width))
    rows, columns, *_ = next(distances._float64_blocks(many, many))
    sides = [part.stop - part.start for part in (rows, columns)]
    assert 1 <= max(sides) <= 2048
    assert max(sides) ** 2 * width <= distances.PRODUCT_TERMS


def test_rows_in_fortran_order_and_strided_rows_give_the_same():
    query, gallery = rows(11, 6), rows(12, 30)
    expected = rank(query, gallery)
    for other in (np.asfortranarray(gallery), np.repeat(gallery, 2, axis=1)[:, ::2]):
        np.testing.assert_array_equal(rank(query, other).indices, expected.indices)


GOOD = rows(0, 3)
REFUSALS = {
    "integers": (np.ones((3, 24), np.int64), r"is int64 \(3, 24\), expected float32"),
    "complex": (np.ones((3, 24), np.complex64), "is complex64"),
    "extended precision": (np.ones((3, 24), np.longdouble), "expected float32"),
    "one dimension": (np.ones(24, np.float32), r"float32 \(24,\), expected .* two dimensions"),
    "three dimensions": (np.ones((1, 3, 24), np.float32), "two dimensions"),
    "no picture": (np.ones((0, 24), np.float32), r"shape \(0, 24\), expected at least one picture"),
    "no width": (np.ones((3, 0), np.float32), r"shape \(3, 0\)"),
    "another width": (np.ones((3, 23), np.float32), "24 wide and .* 23, expected the same width"),
    "ragged": ([["a"], ["b"]], "is <U1"),
}


@pytest.mark.parametrize("function", [*PAIRWISE, rank], ids=lambda function: function.__name__)
@pytest.mark.parametrize(("embeddings", "message"), REFUSALS.values(), ids=REFUSALS.keys())
def test_refuses_embeddings_that_do_not_fit(function, embeddings, message):
    with pytest.raises(InvalidInputError, match=message):
        function(GOOD, embeddings)


@pytest.mark.parametrize("function", [*PAIRWISE, rank], ids=lambda function: function.__name__)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("row", [0, 1023, 1024, 2999])
def test_names_the_row_that_is_not_finite(function, value, row):
    gallery = rows(1, 3000)
    gallery[row, 5] = value
    with pytest.raises(InvalidInputError, match=f"has {value} in row {row}, expected finite"):
        function(GOOD, gallery)


@pytest.mark.parametrize(("length", "shown"), [(1e18, "1e[+]18"), (1e300, "inf")])
def test_rank_refuses_rows_whose_squares_leave_float32(length, shown):
    gallery = np.zeros((4, 24))
    gallery[2, 0] = length
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InvalidInputError, match=f"length {shown} in row 2, expected at most"):
            rank(GOOD, gallery)


@pytest.mark.parametrize("depth", [0, -1, 1.5, True, "5", None])
def test_rank_refuses_a_depth_that_is_no_count(depth):
    with pytest.raises(InvalidInputError, match=f"depth is {depth!r}, expected a whole number"):
        rank(GOOD, GOOD, depth=depth)
