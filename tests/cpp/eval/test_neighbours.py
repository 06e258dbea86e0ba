# SPDX-License-Identifier: Apache-2.0
"""cpp/eval/neighbours.cpp and candidates.h: lists from one triangle of blocks."""

import itertools

import numpy as np
import pytest

from mgn_fast import InvalidInputError, _core
from oracles import retrieval
from support.late import late
from support.rows import lattice

hypothesis = late("hypothesis")
st = late("hypothesis.strategies")

METRICS = ("squared_distance", "unit_rows")


NONE = np.empty(0)


def lists_of(rows, queries, metric, depth):
    parts = rows[:queries], rows[queries:]
    squares = [_core.squared_lengths(part, 1) for part in parts]
    return _core.Neighbours(*parts, *squares, NONE, NONE, metric, depth)


def block_of(rows, left, right, metric):
    a, b = rows[left], rows[right]
    block = np.ascontiguousarray(a @ b.T)
    squares = _core.squared_lengths(a, 1), _core.squared_lengths(b, 1)
    _core.screen_in_place(block, a, b, *squares, metric, 1)
    return block


def settled(lists, count, depth, threads=1):
    columns, distances = np.empty((count, depth), np.int32), np.empty((count, depth))
    largest = np.empty(count, np.float32)
    lists.settle(0, columns, distances, largest, threads)
    return columns, distances, largest


def nearest(rows, depth, *, queries=1, cuts=(), metric="squared_distance", threads=1, turn=1):
    """Lists of all pictures after a triangle of blocks cut at `cuts`, in that order or another."""
    edges = [0, *cuts, len(rows)]
    parts = [slice(*pair) for pair in itertools.pairwise(edges)]
    lists = lists_of(rows, queries, metric, depth)
    pairs = [(i, j) for j in range(len(parts)) for i in range(j + 1)]
    for i, j in pairs[::turn]:
        block = block_of(rows, parts[i], parts[j], metric)
        lists.add(block, parts[i].start, parts[j].start, threads)
    return settled(lists, len(rows), depth, threads)


# Pictures on a line at 0, 3, 1, 2: nearest two of each, the picture itself first, ties by number.
LINE = np.array([[0], [3], [1], [2]], np.float32)


LINE_NEAREST = [[0, 2], [1, 3], [2, 0], [3, 1]]


@pytest.mark.parametrize("cuts", [(), (1,), (2,), (1, 2, 3)], ids=str)
def test_worked_by_hand(cuts):
    columns, distances, largest = nearest(LINE, 2, cuts=cuts)
    np.testing.assert_array_equal(columns, LINE_NEAREST)
    np.testing.assert_array_equal(distances, [[0, 1]] * 4)
    np.testing.assert_array_equal(largest, [9, 9, 4, 4])
    np.testing.assert_array_equal(retrieval.nearest_lists(LINE, 2)[0], LINE_NEAREST)


@pytest.mark.usefixtures("many_examples")
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("depth", [1, 2, 21, 199, 200])
@pytest.mark.parametrize("seed", range(2))
def test_agrees_with_a_stable_sort_when_distances_tie(seed, depth, metric):
    rows = lattice(seed, 200)
    expected = retrieval.nearest_lists(rows, depth, metric)
    for cuts in ((), (1,), (64, 130), (50, 60, 199)):
        for turn in (1, -1):
            got = nearest(rows, depth, queries=50, cuts=cuts, metric=metric, threads=2, turn=turn)
            for one, other in zip(got, expected, strict=True):
                np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("noise", [0.0, 1e-7, 1e-5, 1e-2])
@pytest.mark.parametrize("queries", [1, 150, 299])
def test_near_ties_come_in_float64_order(queries, noise):
    # From equal rows, for which room runs out in every list, to rows that float32 tells apart.
    random = np.random.default_rng(5)
    rows = (1 + noise * random.standard_normal((300, 24))).astype(np.float32)
    expected = retrieval.nearest_lists(rows, 10)
    got = nearest(rows, 10, queries=queries, cuts=(queries,))
    np.testing.assert_array_equal(got[0], expected[0])
    np.testing.assert_allclose(got[1], expected[1], rtol=1e-12, atol=1e-14)


@pytest.mark.usefixtures("many_examples")
def test_any_cut_into_blocks_gives_the_same_lists():
    @hypothesis.settings(max_examples=100, derandomize=True, deadline=None, database=None)
    @hypothesis.given(st.integers(0, 10**6), st.integers(1, 90), st.integers(1, 12), st.data())
    def check(seed, count, depth, data):
        rows = lattice(seed, count, 2)
        cuts = sorted(data.draw(st.sets(st.integers(1, max(1, count - 1)), max_size=4)) - {count})
        depth = min(depth, count)
        expected = retrieval.nearest_lists(rows, depth)
        for one, other in zip(nearest(rows, depth, queries=0, cuts=cuts), expected, strict=True):
            np.testing.assert_array_equal(one, other)

    check()


ROWS = lattice(0, 6)


BLOCKS = {
    "below the diagonal": ((2, 2), 4, 0, r"rows 4 to 6 and columns 0 to 2 of 6 pictures, expected"),
    "overlapping it": ((2, 2), 1, 2, "expected a square on the diagonal or a block right of it"),
    "on it, no square": ((2, 3), 0, 0, "rows 0 to 2 and columns 0 to 3"),
    "beyond the pictures": ((1, 2), 0, 5, "columns 5 to 7 of 6"),
}


@pytest.mark.parametrize(("shape", "row", "column", "message"), BLOCKS.values(), ids=BLOCKS.keys())
def test_refuses_blocks_outside_the_triangle(shape, row, column, message):
    with pytest.raises(InvalidInputError, match=message):
        lists_of(ROWS, 2, "unit_rows", 2).add(np.zeros(shape, np.float32), row, column, 1)


@pytest.mark.parametrize("depth", [0, 7])
def test_refuses_a_depth_that_no_list_has(depth):
    with pytest.raises(InvalidInputError, match=f"depth is {depth} for 6 pictures"):
        lists_of(ROWS, 2, "unit_rows", depth)


def test_refuses_to_settle_what_is_incomplete_or_elsewhere():
    lists = lists_of(ROWS, 2, "squared_distance", 3)
    with pytest.raises(InvalidInputError, match="picture 0 has met 0 others, expected at least 3"):
        settled(lists, 6, 3)
    with pytest.raises(InvalidInputError, match="pictures 0 to 6 have 2 places, expected up to 6"):
        settled(lists, 6, 2)
    with pytest.raises(InvalidInputError, match="pictures 0 to 7 have 3 places"):
        settled(lists, 7, 3)
