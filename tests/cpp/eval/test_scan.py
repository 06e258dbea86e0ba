# SPDX-License-Identifier: Apache-2.0
"""cpp/eval/scan.cpp: the nearest rows of a gallery that is read once, against Python's sort."""

import itertools
import subprocess
import sys

import numpy as np
import pytest

from mgn_fast import InvalidInputError, _core, rank
from mgn_fast.evaluation.distances import empty_lists
from oracles import retrieval
from support.late import late
from support.rows import lattice

hypothesis = late("hypothesis")
st = late("hypothesis.strategies")

HALF, FLOAT = np.float16, np.float32
both_dtypes = pytest.mark.parametrize("dtype", [HALF, FLOAT], ids=["float16", "float32"])
# One, some and many are multiplied in different ways; 513 are more than are multiplied at once.
any_number_of_queries = pytest.mark.parametrize("queries", [1, 2, 5, 8, 9, 16, 17, 40, 513])


def scan(queries, rows, depth, *, cuts=(), threads=1):
    """Lists after one scan of the rows, in segments that end at the cuts."""
    lists = empty_lists(len(queries), depth)
    edges = [0, *cuts, len(rows)]
    segments = [rows[start:stop] for start, stop in itertools.pairwise(edges)]
    _core.scan_nearest(queries, segments, 0, *lists, threads)
    return lists


def merged(queries, rows, depth):
    """The same by merge_nearest, whose float64 distances are those of a scan to the bit."""
    wide = rows.astype(FLOAT)
    squares = _core.squared_lengths(queries, 1), _core.squared_lengths(wide, 1)
    block = _core.screen_in_place(queries @ wide.T, queries, wide, *squares, "squared_distance", 1)
    lists = empty_lists(len(queries), depth)
    _core.merge_nearest(block, 0, *lists, 1)
    return lists


def assert_same(lists, expected):
    np.testing.assert_array_equal(lists[0], expected[0])
    np.testing.assert_array_equal(lists[1], expected[1])


def unit_rows(seed, count, width):
    rows = np.random.default_rng(seed).standard_normal((count, width))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(FLOAT)


# Query 0, rows on a line.
TINY, LARGEST = 2.0**-24, 65504.0  # float16's smallest subnormal, and its largest value
WORKED = {
    "nearest first": ([3, 1, 2], 3, [1, 2, 0], [1, 4, 9]),
    "only depth of them": ([3, 1, 2], 2, [1, 2], [1, 4]),
    "ties keep the order of rows": ([2, 1, -1, 1], 3, [1, 2, 3], [1, 1, 1]),
    "a tie at the last place takes the earlier": ([1, 2, -2], 2, [0, 1], [1, 4]),
    "places beyond the rows stay empty": ([2], 3, [0, -1, -1], [4, np.inf, np.inf]),
    "no rows": ([], 1, [-1], [np.inf]),
    "a NaN is never listed": ([np.nan, 2, np.nan], 2, [1, -1], [4, np.inf]),
    "an infinity is never listed": ([np.inf, 2, -np.inf], 2, [1, -1], [4, np.inf]),
    "neither displaces another": ([3, np.nan, np.inf, 2], 1, [3], [4]),
    "subnormals": ([3 * TINY, -2 * TINY, TINY], 2, [2, 1], [TINY**2, 4 * TINY**2]),
    "the largest": ([LARGEST, 65472, -LARGEST], 3, [1, 0, 2], [65472**2.0, *2 * [LARGEST**2]]),
}


@both_dtypes
@pytest.mark.parametrize(("line", "depth", "rows", "values"), WORKED.values(), ids=WORKED.keys())
def test_worked_by_hand(line, depth, rows, values, dtype):
    gallery = np.array(line, dtype)[:, None]
    query = np.zeros((1, 1), FLOAT)
    for lists in (
        scan(query, gallery, depth),
        scan(np.zeros((40, 1), FLOAT), gallery, depth, cuts=range(len(line))),
        retrieval.nearest_rows(query, gallery, depth),
    ):
        np.testing.assert_array_equal(lists[0], [rows] * len(lists[0]))
        np.testing.assert_array_equal(lists[1], [values] * len(lists[1]))


@pytest.mark.usefixtures("many_examples")
@both_dtypes
@any_number_of_queries
@pytest.mark.parametrize("depth", [1, 2, 21, 300, 305])
def test_agrees_with_a_stable_sort_when_distances_tie(depth, queries, dtype):
    a, b = lattice(queries, queries), lattice(queries + 100, 300)
    expected = retrieval.nearest_rows(a, b, depth)
    for cuts in ((), (0, 1, 1), (83, 84, 168, 290), range(1, 300)):
        for threads in (1, 3):
            got = scan(a, b.astype(dtype), depth, cuts=cuts, threads=threads)
            assert_same(got, expected)


@pytest.mark.usefixtures("many_examples")
@both_dtypes
@any_number_of_queries
@pytest.mark.parametrize("width", [1, 3, 7, 8, 31, 256, 263, 2047, 2048])
def test_lists_are_those_of_rank(width, queries, dtype):
    a, b = unit_rows(width, queries, width), unit_rows(width + 1, 200, width).astype(dtype)
    b[150:160] = b[140]
    b[199] = a[0].astype(dtype)
    got = scan(a, b, 20, cuts=(77, 77, 190), threads=2)
    assert_same(got, merged(a, b, 20))
    np.testing.assert_array_equal(got[0], rank(a, b.astype(FLOAT), depth=20).indices)


@pytest.mark.usefixtures("many_examples")
@both_dtypes
@any_number_of_queries
@pytest.mark.parametrize("noise", [0.0, 1e-7, 1e-5, 1e-3, 1e-2])
def test_near_ties_come_in_float64_order(noise, queries, dtype):
    random = np.random.default_rng(5)
    b = (1 + noise * random.standard_normal((400, 700))).astype(dtype)
    a = b[random.integers(0, 400, queries)].astype(FLOAT)
    a *= FLOAT(1 + 2e-7)  # or float16 rows would be at distances of few digits
    assert_same(scan(a, b, 30, cuts=(333,)), merged(a, b, 30))


@both_dtypes
@pytest.mark.parametrize("queries", [1, 40])
def test_rows_need_not_have_unit_length(queries, dtype):
    random = np.random.default_rng(6)
    scales = 10.0 ** random.integers(-3, 4, (500, 1))
    b = (unit_rows(7, 500, 130) * scales).astype(dtype)
    a = unit_rows(8, queries, 130) * 10.0 ** random.integers(-3, 4, (queries, 1)).astype(FLOAT)
    assert_same(scan(a, b, 12, threads=2), merged(a, b, 12))


@pytest.mark.usefixtures("many_examples")
def test_any_cut_into_segments_and_calls_gives_the_same_lists():
    @hypothesis.settings(max_examples=150, derandomize=True, deadline=None, database=None)
    @hypothesis.given(st.integers(0, 10**6), st.integers(1, 200), st.integers(1, 12), st.data())
    def check(seed, count, depth, data):
        a, b = lattice(seed, data.draw(st.sampled_from([1, 3, 20])), 2), lattice(seed + 1, count, 2)
        cuts = sorted(data.draw(st.lists(st.integers(0, count), max_size=4)))
        expected = retrieval.nearest_rows(a, b, depth)
        assert_same(scan(a, b, depth, cuts=cuts, threads=data.draw(st.integers(1, 4))), expected)
        lists = empty_lists(len(a), depth)
        calls = list(itertools.pairwise([0, *cuts, count]))
        for start, stop in data.draw(st.permutations(calls)):
            _core.scan_nearest(a, [b[start:stop].astype(HALF)], start, *lists, 2)
        assert_same(lists, expected)

    check()


def test_thousands_of_small_segments():
    a, b = unit_rows(1, 3, 40), unit_rows(2, 9000, 40).astype(HALF)
    cuts = np.cumsum(np.random.default_rng(3).integers(0, 4, 5000))
    cuts = cuts[cuts < len(b)].tolist()
    assert len(cuts) > 4000
    assert_same(scan(a, b, 50, cuts=cuts, threads=2), merged(a, b, 50))


def test_numbers_go_on_from_the_first_row():
    lists = empty_lists(1, 3)
    rows = np.array([[1], [2]], HALF)
    _core.scan_nearest(np.zeros((1, 1), FLOAT), [rows], 2**31 - 2, *lists, 1)
    np.testing.assert_array_equal(lists[0], [[2**31 - 2, 2**31 - 1, -1]])
    _core.scan_nearest(np.zeros((1, 1), FLOAT), [rows[:1], rows], 7, *lists, 1)
    np.testing.assert_array_equal(lists[0], [[7, 8, 2**31 - 2]])


@pytest.mark.parametrize("queries", [1, 40])
def test_rows_whose_float32_sums_overflow_are_settled_all_the_same(queries):
    """Squares beyond float32, and partial sums beyond it of rows whose square is not."""
    a = np.full((queries, 64), 2e19, FLOAT)
    a[:, ::2] *= -1
    b = np.full((5, 64), 1e18, FLOAT)
    b[0] = 3e38
    b[1] = a[0]
    b[2] = -a[0] / 2
    b[4] = np.nan
    for rows in (b, -b):
        assert_same(scan(a, rows, 4), retrieval.nearest_rows(a, rows, 4))


@pytest.mark.parametrize("queries", [1, 40])
def test_rows_whose_squares_overflow_are_ranked_though_their_products_do_not(queries):
    """Each is nearer than the one before it; an infinite square must not rule it out."""
    rows = np.linspace(9e19, 2e19, 30, dtype=FLOAT)[:, None].repeat(64, axis=1)
    a = np.full((queries, 64), 1e-19, FLOAT)
    got = scan(a, rows, 2)
    np.testing.assert_array_equal(got[0], [[29, 28]] * queries)


def test_a_lane_that_overflows_to_minus_infinity_rules_nothing_out():
    """Terms 0 and 16 share a lane and leave float32's range; those of other lanes outweigh them."""
    a = np.full((1, 32), 5e19, FLOAT)
    b = np.zeros((2, 32), FLOAT)
    b[1, [0, 16]] = -4e18
    b[1, [1, 2, 5, 6]] = 3e18
    assert_same(scan(a, b, 1), retrieval.nearest_rows(a, b, 1))


def test_a_query_that_is_not_finite_gets_no_rows():
    a = np.array([[np.nan], [1], [np.inf]], FLOAT)
    got = scan(a, np.array([[1], [2]], HALF), 2)
    np.testing.assert_array_equal(got[0], [[-1, -1], [0, 1], [-1, -1]])


@pytest.mark.parametrize("scale", [1e-30, 1e-22, 1e-21, 1e-20])
@pytest.mark.parametrize("queries", [1, 40])
def test_values_whose_float32_products_underflow_are_settled_in_float64(queries, scale):
    """Their sums are 0, or have few digits: far fewer than the bound on rounding allows for."""
    random = np.random.default_rng(9)
    b = (scale * (1 + 1e-3 * random.standard_normal((300, 20)))).astype(FLOAT)
    a = b[random.integers(0, 300, queries)] * FLOAT(1.0001)
    assert_same(scan(a, b, 5), merged(a, b, 5))


def test_reads_a_map_that_may_not_be_written(tmp_path):
    rows = unit_rows(0, 500, 32).astype(HALF)
    np.save(tmp_path / "rows.npy", rows)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    queries = unit_rows(1, 4, 32)
    assert_same(scan(queries, mapped, 6, cuts=(100,), threads=2), scan(queries, rows, 6))


INTERRUPTED = """
import os, signal, threading
import numpy as np
from mgn_fast import _core
from mgn_fast.evaluation.distances import empty_lists
signal.signal(signal.SIGINT, signal.default_int_handler)
rows = np.ones((2000, 2048), np.float16)
lists = empty_lists(64, 3)
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    _core.scan_nearest(np.zeros((64, 2048), np.float32), [rows] * 50_000, 0, *lists, 2)
except KeyboardInterrupt:
    assert (lists[0] == -1).all() and (lists[1] == np.inf).all()
    print("stopped")
"""


@pytest.mark.usefixtures("own_process")
def test_ctrl_c_ends_a_scan_and_leaves_the_lists_as_they_were():
    """In a process of its own; the 400 GB that it would read are the same rows again and again."""
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "stopped\n", done.stderr


A, B = lattice(0, 2), lattice(1, 4)
REFUSALS = {
    "float64 queries": (A.astype(np.float64), [B], "queries is float64"),
    "float64 rows": (A, [B.astype(np.float64)], r"segments\[0\] is float64 \(4, 3\), expected fl"),
    "mixed": (A, [B.astype(HALF), B], r"segments\[1\] is float32 \(4, 3\), expected float16"),
    "mixed the other way": (A, [B, B.astype(HALF)], r"segments\[1\] is float16 .*ected float32"),
    "other width": (A, [B, B[:, :2].copy()], r"segments\[1\] is .*\(4, 2\), .*3 wide"),
    "strided": (A, [B[:, :2]], r"segments\[0\] is float32 \(4, 2\), .*C order"),
    "one dimension": (A, [B[0]], r"segments\[0\] is float32 \(3,\), expected two dimensions"),
    "big-endian": (A, [B.astype(">f2")], r"segments\[0\] is >f2"),
    "no array": (A, [B, [1, 2]], r"segments\[1\] is a list, expected an array"),
}


@pytest.mark.parametrize(("queries", "segments", "message"), REFUSALS.values(), ids=REFUSALS.keys())
def test_refuses_arrays_that_do_not_fit(queries, segments, message):
    with pytest.raises(InvalidInputError, match=message):
        _core.scan_nearest(queries, segments, 0, *empty_lists(2, 1), 1)


def test_refuses_lists_that_do_not_fit():
    with pytest.raises(InvalidInputError, match="rows has 3 entries, expected 2"):
        _core.scan_nearest(A, [B], 0, *empty_lists(3, 1), 1)
    with pytest.raises(InvalidInputError, match="a row of distances has 2 entries, expected 1"):
        _core.scan_nearest(A, [B], 0, empty_lists(2, 1)[0], empty_lists(2, 2)[1], 1)
    with pytest.raises(InvalidInputError, match=r"rows is int32 \(2, 0\), expected one column"):
        _core.scan_nearest(A, [B], 0, *empty_lists(2, 0), 1)


@pytest.mark.parametrize("first_row", [2**31 - 3, 2**31, 2**63])
def test_refuses_numbers_beyond_32_bits(first_row):
    with pytest.raises(
        InvalidInputError, match=f"4 rows from number {first_row} on, .* 2147483647"
    ):
        _core.scan_nearest(A, [B], first_row, *empty_lists(2, 1), 1)
