# SPDX-License-Identifier: Apache-2.0
"""cpp/eval/impostors.cpp: impostors by the gaps between matches."""

import numpy as np
import pytest

from mgn_fast import Identities, InvalidInputError, _core
from support.pair_cases import CAMERAS, CASES, COLUMNS, ROW, SIDES, distances_of, draw, pairs_of


def screened(rows, columns):
    """A block by the core's product with its weights, where there is one."""
    squares = _core.squared_lengths(rows, 1), _core.squared_lengths(columns, 1)
    weights = ()
    dots = rows @ columns.T
    if _core.has_product():
        _core.multiply(rows, columns, dots, _core.Scratch(), 1)
        weights = _core.rounding_weights(rows, 1), _core.rounding_weights(columns, 1)
    return _core.screen_in_place(dots, rows, columns, *squares, "squared_distance", 1, *weights)


def counted(rows, columns, query, gallery, same_camera="drop", *, threads=1, step=None):
    """Thresholds and the sums of gaps, over blocks of `step` queries."""
    matches = distances_of("matches", rows, columns, query, gallery, same_camera)
    thresholds = np.unique(matches)
    counter = _core.ImpostorCounter(pairs_of(gallery, same_camera), thresholds)
    step = step or len(rows)
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        block = screened(rows[part], columns)
        counter.add(block, query.person[part], query.camera[part], threads)
    return thresholds, counter.sum()


def expected_gaps(thresholds, impostors):
    """What `sum` has to give, but for what was settled."""
    place = np.searchsorted(thresholds, impostors)
    on = np.isin(impostors, thresholds)
    below = np.bincount(place[~on], minlength=len(thresholds) + 1)
    equal = np.bincount(place[on], minlength=len(thresholds))
    largest = np.full(len(thresholds) + 1, -np.inf)
    np.maximum.at(largest, place[~on], impostors[~on])
    first = impostors[~on & (place == 0)]
    smallest = first.min() if len(first) else np.inf
    return below[:-1], equal, largest, smallest, int((first == smallest).sum())


# Matches, and impostors: below each, at each, the largest of each gap, the smallest of the first.
WORKED = {
    "drop": ([2, 6], [0, 2], [0, 0], [-np.inf, 5, 8], np.inf, 0),
    "keep": ([1, 2, 6], [0, 0, 2], [0, 0, 0], [-np.inf, -np.inf, 5, 8], np.inf, 0),
    "separate": ([2, 6], [0, 1], [0, 0], [-np.inf, 5, 8], np.inf, 0),
}


@pytest.mark.parametrize("same_camera", CAMERAS)
def test_gaps_worked_by_hand(same_camera):
    matches, *gaps = WORKED[same_camera]
    thresholds, got = counted(ROW, COLUMNS, *SIDES, same_camera)
    np.testing.assert_array_equal(thresholds, matches)
    for one, other in zip(got, gaps, strict=False):
        np.testing.assert_array_equal(one, other)


def test_ties_and_what_is_nearer_than_all_matches_worked_by_hand():
    # Impostors at 1, 1 and 2 before the match at 3, one on it, one beyond.
    columns = np.array([[3], [1], [2], [3], [1], [4]], np.float32)
    gallery = Identities([7, 8, 8, 8, 9, 9], [2] * 6)
    _, (below, equal, largest, smallest, num_smallest, settled) = counted(
        ROW, columns, SIDES[0], gallery
    )
    assert (below.tolist(), equal.tolist(), largest.tolist()) == ([3], [1], [2.0, 4.0])
    assert (smallest, num_smallest) == (1.0, 2)
    assert settled == 5


@pytest.mark.parametrize("same_camera", CAMERAS)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_gaps_agree_with_a_sort_of_all_distances(case, same_camera):
    drawn = draw(len(str(case)), **case)
    # The core's own sums: rounding in another order would part what is equal here.
    impostors = distances_of("impostors", *drawn, same_camera)
    thresholds, got = counted(*drawn, same_camera)
    for one, other in zip(got, expected_gaps(thresholds, impostors), strict=False):
        np.testing.assert_array_equal(one, other)


def test_threads_and_blocks_do_not_change_a_count():
    drawn = draw(5, width=40, noise=1.5, queries=300)
    whole = counted(*drawn)[1]
    for threads, step in ((2, None), (3, 7), (1, 1)):
        part = counted(*drawn, threads=threads, step=step)[1]
        for one, other in zip(whole[:-1], part[:-1], strict=True):
            np.testing.assert_array_equal(one, other)


def test_what_lies_within_float32_of_a_match_is_settled():
    # Impostors a millionth of a rounding unit before, on and behind each match.
    query = np.zeros((1, 2), np.float32)
    at = np.float32(1) + np.arange(50, dtype=np.float32) / 64
    tiny = [np.float32(x) for x in (0, 1e-5, 2e-5)]
    columns = np.array([(x, t) for t in tiny for x in at], np.float32)
    who = Identities([7], [1]), Identities([8] * 50 + [7] * 50 + [9] * 50, [2] * 150)
    thresholds, (below, equal, largest, *_) = counted(query, columns, *who)
    assert len(thresholds) == 50
    np.testing.assert_array_equal(equal, 0)
    # Before the first only the one a hair nearer; then those behind one match and before the next.
    np.testing.assert_array_equal(below, [1] + [2] * 49)
    assert largest[-1] > thresholds[-1]


@pytest.mark.skipif(not _core.has_product(), reason="numpy's product has a wide margin")
def test_few_are_settled_where_persons_are_apart():
    random = np.random.default_rng(0)
    person = random.integers(0, 20, 1500)
    rows = random.standard_normal((20, 512))[person] + 0.7 * random.standard_normal((1500, 512))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    sides = Identities(person[:200], [0] * 200), Identities(person[200:], [1] * 1300)
    _, got = counted(rows[:200], rows[200:], *sides)
    assert got[-1] < 0.02 * 200 * 1300


def test_matches_spread_over_many_magnitudes_are_found_among_cells():
    columns = np.concatenate([[0], np.logspace(-12, 9, 900)]).astype(np.float32)[:, None]
    gallery = Identities([7, 8, 9] * 300 + [7], [2] * 901)
    drawn = ROW, columns, SIDES[0], gallery
    thresholds, got = counted(*drawn)
    impostors = distances_of("impostors", *drawn)
    for one, other in zip(got, expected_gaps(thresholds, impostors), strict=False):
        np.testing.assert_array_equal(one, other)


def test_without_matches_the_ends_are_found():
    columns = np.array([[3], [1], [2], [1]], np.float32)
    thresholds, got = counted(ROW, columns, SIDES[0], Identities([8, 8, 9, 9], [1] * 4))
    assert len(thresholds) == 0
    assert [part.tolist() for part in got[:3]] == [[], [], [3.0]]
    assert got[3:5] == (1.0, 2)


def test_rows_that_are_longer_one_after_the_other_and_far_from_their_matches():
    # Each block has a wider margin than the one before, wider than all thresholds are apart.
    random = np.random.default_rng(4)
    rows = random.standard_normal((64, 50)) * np.logspace(-4, 4, 64)[:, None]
    columns = random.standard_normal((300, 50))
    drawn = rows.astype(np.float32), columns.astype(np.float32)
    sides = Identities(random.integers(0, 9, 64)), Identities(random.integers(0, 9, 300))
    sides = [Identities(side.person, np.arange(len(side)) % 3) for side in sides]
    impostors = distances_of("impostors", *drawn, *sides)
    thresholds, got = counted(*drawn, *sides, step=5)
    for one, other in zip(got, expected_gaps(thresholds, impostors), strict=False):
        np.testing.assert_array_equal(one, other)


A = np.ones((2, 3), np.float32)
PERSON = np.zeros(2, np.int32)


def test_refuses_thresholds_that_do_not_ascend_and_blocks_that_do_not_fit():
    pairs = _core.Pairs(PERSON, PERSON, "keep")
    for thresholds in ([1.0, 1.0], [2.0, 1.0], [-1.0], [np.nan]):
        with pytest.raises(InvalidInputError, match="expected distances that ascend"):
            _core.ImpostorCounter(pairs, np.array(thresholds))
    counter = _core.ImpostorCounter(pairs, np.array([1.0]))
    with pytest.raises(InvalidInputError, match="a row of distances has 3, expected 2"):
        counter.add(screened(A, np.ones((3, 3), np.float32)), PERSON, PERSON, 1)
    with pytest.raises(InvalidInputError, match="person has 1, expected 2"):
        counter.add(screened(A, A), PERSON[:1], PERSON[:1], 1)
    squares = _core.squared_lengths(A, 1)
    block = _core.screen_in_place(A @ A.T, A, A, squares, squares, "unit_rows", 1)
    with pytest.raises(InvalidInputError, match="block is of unit rows"):
        counter.add(block, PERSON, PERSON, 1)


def test_the_smallest_of_all_threads_is_counted_once():
    # Each query is nearer to all pictures than the one before, and none has a match.
    rows = np.linspace(9, 1, 1000, dtype=np.float32)[:, None]
    columns = np.zeros((3000, 1), np.float32)
    sides = Identities([1] * 1000, [0] * 1000), Identities([2] * 3000, [1] * 3000)
    for _ in range(5):  # which thread does what is chance
        _, got = counted(rows, columns, *sides, threads=4)
        assert got[3:5] == (1.0, 3000)


def test_an_impostor_the_last_bit_behind_a_match_is_behind_it():
    columns = np.array([[1, 0], [1, 2.0**-25.5], [1, 0]], np.float32)
    query = np.zeros((1, 2), np.float32)
    gallery = Identities([7, 8, 9], [2] * 3)
    thresholds, (below, equal, largest, *_) = counted(query, columns, SIDES[0], gallery)
    assert (thresholds.tolist(), below.tolist(), equal.tolist()) == ([1.0], [0], [1])
    assert largest.tolist() == [-np.inf, 1 + 2.0**-52]
