# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from mgn_fast import InvalidInputError
from mgn_fast.gallery.finding.combining import expand_queries, mean_embedding


def oracle(rows):
    units = [np.array(row, float) / np.linalg.norm(np.array(row, float)) for row in rows]
    mean = sum(units) / len(units)
    return mean / np.linalg.norm(mean)


# 3-4-5: (3, 4) has length 5. Rows, and the direction of their mean.
WORKED = {
    "one row is that row": ([[3, 4]], [0.6, 0.8]),
    "length does not count": ([[10, 0], [0, 0.1]], [0.5**0.5, 0.5**0.5]),
    "twice the same counts twice": ([[1, 0], [1, 0], [0, 1]], [2 / 5**0.5, 1 / 5**0.5]),
    "directions are averaged, not their sum's": ([[6, 8], [4, 3]], [0.5**0.5, 0.5**0.5]),
}


@pytest.mark.parametrize("implementation", [oracle, mean_embedding])
@pytest.mark.parametrize(("rows", "expected"), WORKED.values(), ids=WORKED.keys())
def test_worked_by_hand(implementation, rows, expected):
    got = implementation(np.array(rows, np.float64))
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_agrees_with_the_oracle(dtype):
    random = np.random.default_rng(0)
    for count in (1, 2, 17):
        rows = (random.standard_normal((count, 65)) * random.uniform(0.1, 9, (count, 1))).astype(
            dtype
        )
        got = mean_embedding(rows)
        assert got.dtype == np.float32
        # A float32 number of at most 1 is off by 2^-25.
        np.testing.assert_allclose(got, oracle(rows), rtol=0, atol=2**-24)
        assert np.linalg.norm(got) == pytest.approx(1, abs=1e-6)


def test_very_long_and_very_short_rows_keep_their_directions():
    rows = np.array([[1e300, 0.0], [0.0, 1e-300]])
    np.testing.assert_allclose(mean_embedding(rows), [0.5**0.5, 0.5**0.5], atol=1e-7)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.empty((0, 4)), "expected at least one picture"),
        (np.ones(4), r"embeddings is float64 \(4,\)"),
        (np.full((1, 4), np.nan), "embeddings has nan in row 0"),
        (np.array([[1.0, 0], [0, 0]]), "only zeros in row 1, expected a direction"),
        (np.array([[1.0, 0], [-3, 0]]), "2 embeddings cancel each other out"),
    ],
)
def test_rows_without_a_mean_direction_are_refused(rows, message):
    with pytest.raises(InvalidInputError, match=message):
        mean_embedding(rows)


def test_a_query_is_averaged_with_what_it_found():
    queries = np.array([[2.0, 0.0], [0.0, 5.0]])
    found = [np.array([[0.0, 1.0], [0.0, 7.0]]), np.empty((0, 2))]
    expected = [[1 / 5**0.5, 2 / 5**0.5], [0, 1]]
    np.testing.assert_allclose(expand_queries(queries, found), expected, atol=1e-7)


def test_what_was_found_may_be_of_another_dtype(random):
    queries, found = random.standard_normal((3, 9)), random.standard_normal((3, 4, 9))
    got = expand_queries(queries, [part.astype(np.float16) for part in found])
    for row, query, part in zip(got, queries, found, strict=True):
        with_it = [query, *part.astype(np.float16)]
        np.testing.assert_allclose(row, oracle(with_it), rtol=0, atol=2**-24)


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ([], "found has 0 entries for 1 queries"),
        ([np.ones((1, 3))], r"found\[0\] is float64 \(1, 3\), expected rows 2 wide"),
        ([np.ones(2)], r"found\[0\] is float64 \(2,\)"),
        ([np.array([[-1.0, 0]])], "cancel each other out"),
    ],
)
def test_other_finds_are_refused(found, message):
    with pytest.raises(InvalidInputError, match=message):
        expand_queries(np.array([[1.0, 0.0]]), found)
