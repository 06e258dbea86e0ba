# SPDX-License-Identifier: Apache-2.0
"""cpp/eval/rerank.cpp: sets of reciprocal neighbours, by hand and refused."""

import numpy as np
import pytest

from mgn_fast import InvalidInputError, _core

# Lists of neighbours by hand; every distance 0, so that a set of n members weighs 1 / n each.
EXPANSION = {
    # k1 = 4: half lists of 3. Picture 1's half set {1, 2, 5} has two of three in {0, 1, 2, 3, 4},
    # which is not more than two thirds: 5 stays out. {0..4} and {1..5} share 4 / 5.
    "exactly two thirds do not join": (
        4,
        ["03412", "12503", "21305", "34015", "43015", "51234"],
        {5: 1 - (4 / 5) / (2 - 4 / 5)},
    ),
    # k1 = 6: half lists of 4. Picture 1's half set {1, 2, 3, 7} has three of four in {0..6}, so
    # that 7, which is not on picture 0's list, joins. {0..7} and {1..7} share 7 / 8.
    "three quarters join": (
        6,
        [
            "0456123",
            "1237045",
            "2134075",
            "3124075",
            "4561072",
            "5641072",
            "6451072",
            "7145236",
        ],
        {7: 1 - (7 / 8) / (2 - 7 / 8)},
    ),
}


@pytest.mark.parametrize(("k1", "lists", "expected"), EXPANSION.values(), ids=EXPANSION.keys())
def test_expansion_worked_by_hand(k1, lists, expected):
    nearest = np.array([[int(digit) for digit in row] for row in lists], np.int32)
    rows = np.repeat(np.eye(1, 4, dtype=np.float32), len(lists), axis=0)
    encoding = _core.Encoding(1, len(lists) - 1, k1, 1)
    near = neighbourhood(nearest, embeddings=rows)
    encoding.relate(near, 0, len(lists), 1)
    encoding.encode(near, 0, len(lists), 1)
    encoding.index()
    block = np.zeros((1, len(lists) - 1), np.float32)
    encoding.blend(block, 0, 0.0, 1)
    for picture, jaccard in expected.items():
        assert block[0, picture - 1] == pytest.approx(jaccard, abs=1e-6)


def test_the_core_averages_over_no_more_pictures_than_there_are():
    nearest = np.array([[0, 1, 2], [1, 0, 2], [2, 1, 0]], np.int32)
    blocks = []
    for k2 in (3, 10):
        encoding = _core.Encoding(1, 2, 1, k2)
        near = neighbourhood(nearest)
        encoding.relate(near, 0, 3, 1)
        encoding.encode(near, 0, 3, 1)
        encoding.expand(near, 0, 3, 1)
        encoding.index()
        blocks.append(np.zeros((1, 2), np.float32))
        encoding.blend(blocks[-1], 0, 0.0, 1)
    np.testing.assert_array_equal(*blocks)


def neighbourhood(nearest, *, scale=None, embeddings=None):
    count = len(nearest)
    rows = np.eye(count, dtype=np.float32) if embeddings is None else embeddings
    scale = np.ones(count, np.float32) if scale is None else scale
    distances = np.zeros(nearest.shape)
    return _core.Neighbourhood(nearest, distances, scale, rows[:1], rows[1:], "unit_rows", False)


CORE_REFUSALS = {
    "too few lists": (np.zeros((2, 2), np.int32), {}, "2 lists of 2 neighbours, expected up to 3"),
    "lists too short": (np.zeros((3, 1), np.int32), {}, "expected up to 3 lists of 2"),
    "an unfilled place": (np.full((3, 2), -1, np.int32), {}, "a neighbour is number -1"),
    "a number beyond": (np.full((3, 2), 3, np.int32), {}, "number 3, expected 0 to 2"),
    "scale too short": (
        np.zeros((3, 2), np.int32),
        {"scale": np.ones(2, np.float32)},
        "embeddings of as many pictures",
    ),
    "embeddings too few": (
        np.zeros((3, 2), np.int32),
        {"embeddings": np.eye(2, dtype=np.float32)},
        "embeddings of as many pictures",
    ),
}


@pytest.mark.parametrize(
    ("nearest", "others", "message"), CORE_REFUSALS.values(), ids=CORE_REFUSALS.keys()
)
def test_the_core_refuses_neighbours_that_do_not_fit(nearest, others, message):
    encoding = _core.Encoding(1, 2, 1, 2)
    for step in (encoding.relate, encoding.encode, encoding.expand):
        with pytest.raises(InvalidInputError, match=message):
            step(neighbourhood(nearest, **others), 0, 3, 1)


def test_the_core_refuses_what_it_cannot_do():
    with pytest.raises(InvalidInputError, match="k1 is 0 and k2 is 1"):
        _core.Encoding(1, 2, 0, 1)
    encoding = _core.Encoding(1, 2, 1, 2)
    near = neighbourhood(np.zeros((3, 2), np.int32))
    with pytest.raises(InvalidInputError, match="rows 2 to 4"):
        encoding.encode(near, 2, 4, 1)
    with pytest.raises(InvalidInputError, match="nothing was related"):
        encoding.encode(near, 0, 3, 1)
    with pytest.raises(InvalidInputError, match="after index"):
        encoding.blend(np.zeros((1, 2), np.float32), 0, 0.3, 1)
    encoding.index()
    with pytest.raises(InvalidInputError, match="block of queries 1 to 2 by 2"):
        encoding.blend(np.zeros((1, 2), np.float32), 1, 0.3, 1)
