# SPDX-License-Identifier: Apache-2.0
"""cpp/eval/topk.cpp: the nearest columns, merged block by block, against Python's sort."""

import itertools

import numpy as np
import pytest

from mgn_fast import InvalidInputError, _core
from mgn_fast.evaluation.distances import empty_lists
from oracles import retrieval
from support.late import late
from support.rows import lattice

hypothesis = late("hypothesis")
st = late("hypothesis.strategies")


def screened(a, b, metric="squared_distance"):
    squares = _core.squared_lengths(a, 1), _core.squared_lengths(b, 1)
    return _core.screen_in_place(a @ b.T, a, b, *squares, metric, 1)


def nearest(a, b, depth, *, cuts=(), metric="squared_distance", threads=1, backwards=False):
    """Lists after merging the columns between each two cuts as a block of its own."""
    lists = empty_lists(len(a), depth)
    edges = [0, *cuts, len(b)]
    blocks = list(itertools.pairwise(edges))
    for start, stop in reversed(blocks) if backwards else blocks:
        part = np.ascontiguousarray(b[start:stop])
        _core.merge_nearest(screened(a, part, metric), start, *lists, threads)
    return lists


def expected_lists(distances, depth):
    columns = np.array([retrieval.order(row)[:depth] for row in distances])
    return columns, np.take_along_axis(distances, columns, axis=1)


# Query 0, gallery on a line.
WORKED = {
    "nearest first": ([3, 1, 2], 3, [1, 2, 0], [1, 4, 9]),
    "only depth of them": ([3, 1, 2], 2, [1, 2], [1, 4]),
    "ties keep gallery order": ([2, 1, -1, 1], 3, [1, 2, 3], [1, 1, 1]),
    "a tie at the last place takes the earlier": ([1, 2, -2], 2, [0, 1], [1, 4]),
    "places beyond the gallery stay empty": ([2], 3, [0, -1, -1], [4, np.inf, np.inf]),
}


@pytest.mark.parametrize(("line", "depth", "columns", "values"), WORKED.values(), ids=WORKED.keys())
def test_worked_by_hand(line, depth, columns, values):
    gallery = np.array(line, np.float32)[:, None]
    got = nearest(np.zeros((1, 1), np.float32), gallery, depth)
    np.testing.assert_array_equal(got[0], [columns])
    np.testing.assert_array_equal(got[1], [values])
    known = min(depth, len(line))
    oracle = expected_lists(retrieval.squared_distances(np.zeros((1, 1)), gallery), depth)
    np.testing.assert_array_equal(oracle[0], [columns[:known]])


@pytest.mark.parametrize("metric", ["squared_distance", "unit_rows"])
@pytest.mark.parametrize("depth", [1, 2, 21, 299, 300])
@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_a_stable_sort_when_distances_tie(seed, depth, metric):
    a, b = lattice(seed, 9), lattice(seed + 100, 300)
    if metric == "squared_distance":
        distances = retrieval.squared_distances(a, b)
    else:
        distances = 2 - 2 * retrieval.dots(a, b)
    expected = expected_lists(distances, depth)
    for cuts in ((), (1,), (128, 256), (50, 60, 299)):
        for backwards in (False, True):
            got = nearest(a, b, depth, cuts=cuts, metric=metric, backwards=backwards, threads=2)
            np.testing.assert_array_equal(got[0], expected[0])
            np.testing.assert_array_equal(got[1], expected[1])


@pytest.mark.parametrize("noise", [0.0, 1e-7, 1e-5, 1e-2])
def test_near_ties_come_in_float64_order(noise):
    random = np.random.default_rng(5)
    b = (1 + noise * random.standard_normal((400, 24))).astype(np.float32)
    a = b[:7]
    expected = expected_lists(retrieval.squared_distances(a, b), 30)
    got = nearest(a, b, 30, cuts=(333,))
    np.testing.assert_array_equal(got[0], expected[0])


@pytest.mark.usefixtures("many_examples")
def test_any_cut_into_blocks_gives_the_same_lists():
    @hypothesis.settings(max_examples=150, derandomize=True, deadline=None, database=None)
    @hypothesis.given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 12), st.data())
    def check(seed, columns, depth, data):
        a, b = lattice(seed, 2, 2), lattice(seed + 1, columns, 2)
        cuts = sorted(data.draw(st.sets(st.integers(0, columns), max_size=4)))
        whole = nearest(a, b, depth)
        for one, other in zip(whole, nearest(a, b, depth, cuts=cuts), strict=True):
            np.testing.assert_array_equal(one, other)
        known = min(depth, columns)
        expected = expected_lists(retrieval.squared_distances(a, b), depth)
        np.testing.assert_array_equal(whole[0][:, :known], expected[0])

    check()


def test_refuses_lists_that_do_not_fit():
    a, b = lattice(0, 2), lattice(1, 4)
    with pytest.raises(InvalidInputError, match="columns has 3 entries, expected 2"):
        _core.merge_nearest(screened(a, b), 0, *empty_lists(3, 1), 1)
    with pytest.raises(InvalidInputError, match="a row of distances has 2 entries, expected 1"):
        _core.merge_nearest(screened(a, b), 0, empty_lists(2, 1)[0], empty_lists(2, 2)[1], 1)
    with pytest.raises(InvalidInputError, match="one column or more"):
        _core.merge_nearest(screened(a, b), 0, *empty_lists(2, 0), 1)
    lists = empty_lists(2, 1)
    with pytest.raises(InvalidInputError, match="distances is float32"):
        _core.merge_nearest(screened(a, b), 0, lists[0], lists[1].astype(np.float32), 1)
