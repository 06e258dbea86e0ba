# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from mgn_fast import InvalidInputError, Ranking
from mgn_fast.gallery.finding.combining import expand_queries
from mgn_fast.gallery.finding.refining import Refinement, refined

# On a line, so that distances are seen: at 1, 2, 4, 8 and 16.
PLACES = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
ROWS = np.stack([PLACES, np.ones(5)], axis=1).astype(np.float32)


def find(queries, depth):
    distances = np.abs(np.asarray(queries)[:, :1] - PLACES)
    order = np.argsort(distances, axis=1, kind="stable")[:, :depth]
    return Ranking(
        order.astype(np.int32), np.take_along_axis(distances, order, axis=1).astype(np.float32)
    )


def search(depth, *places, **options):
    queries = np.stack([np.array(places, float), np.ones(len(places))], axis=1)
    return refined(queries, depth, Refinement(**options), find, rows_at=lambda at: ROWS[at])


# A query at 3: distances 2, 1, 1, 5, 13. What is listed, by what is asked.
WORKED = {
    "nothing": (3, {}, [1, 2, 0], [1, 1, 2]),
    "a threshold, which is within itself": (3, {"threshold": 1}, [1, 2, -1], [1, 1, np.inf]),
    "a threshold that nobody reaches": (2, {"threshold": 0.5}, [-1, -1], [np.inf, np.inf]),
    "the nearest left out": (3, {"left_out": [[1]]}, [2, 0, 3], [1, 2, 5]),
    "places left out that are far": (2, {"left_out": [{4, 3}]}, [1, 2], [1, 1]),
    "all but one left out": (3, {"left_out": [[0, 1, 2, 3]]}, [4, -1, -1], [13, np.inf, np.inf]),
    "both": (3, {"left_out": [[1]], "threshold": 2.5}, [2, 0, -1], [1, 2, np.inf]),
    "more than there are": (9, {"left_out": [[0]]}, [1, 2, 3, 4, -1], [1, 1, 5, 13, np.inf]),
    "an expansion by none": (2, {"expand": 0}, [1, 2], [1, 1]),
}


@pytest.mark.parametrize(("depth", "options", "places", "distances"), WORKED.values(), ids=WORKED)
def test_worked_by_hand(depth, options, places, distances):
    found = search(depth, 3.0, **options)
    assert found.indices.tolist() == [places]
    assert found.distances.tolist() == [distances]
    assert (found.indices.dtype, found.distances.dtype) == (np.int32, np.float32)


def test_each_query_leaves_out_its_own():
    found = search(2, 1.0, 2.0, 16.0, left_out=[[0], [1], []])
    assert found.indices.tolist() == [[1, 2], [0, 2], [4, 3]]


def test_a_query_is_expanded_by_what_may_be_listed_and_searched_for_once_more():
    asked = []

    def watching(queries, depth):
        asked.append((np.asarray(queries).copy(), depth))
        return find(queries, depth)

    query = np.array([[3.0, 1.0]])
    refinement = Refinement(expand=2, threshold=4.0, left_out=[[1]])
    refined(query, 3, refinement, watching, rows_at=lambda at: ROWS[at])
    (_, first), (second, depth) = asked
    assert (first, depth) == (2 + 1, 3 + 1)  # one more than asked for, for the one left out
    np.testing.assert_array_equal(second, expand_queries(query, [ROWS[[2, 0]]]))
    asked.clear()
    refined(query, 3, Refinement(expand=2, threshold=0.1), watching, rows_at=lambda at: ROWS[at])
    np.testing.assert_array_equal(asked[1][0], expand_queries(query, [np.empty((0, 2))]))


def test_a_query_is_expanded_by_plain_distances_also_where_it_is_re_ranked():
    def reranked(queries, depth):
        assert len(asked) == 1
        return find(queries, depth)

    asked = []

    def plain(queries, depth):
        asked.append(depth)
        return find(queries, depth)

    refined(
        np.array([[3.0, 1.0]]),
        3,
        Refinement(expand=1),
        reranked,
        find_plain=plain,
        rows_at=lambda at: ROWS[at],
    )
    assert asked == [1]


def test_a_pairs_own_distance_in_float64_is_within_it():
    exact = float(np.sqrt(np.float64(2) / 3))
    rounded = np.float32(exact)
    assert float(rounded) > exact  # which a comparison of float64 would leave out

    def one(queries, depth):
        return Ranking(np.zeros((1, 1), np.int32), np.full((1, 1), rounded))

    found = refined(np.ones((1, 2)), 1, Refinement(threshold=exact), one, rows_at=lambda at: ROWS)
    assert found.indices.tolist() == [[0]]
    huge = Refinement(threshold=1e300)
    assert refined(np.ones((1, 2)), 1, huge, one, rows_at=lambda at: ROWS).indices.tolist() == [[0]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"expand": -1}, "expand is -1"),
        ({"expand": 1.5}, "expand is 1.5"),
        ({"threshold": -0.1}, "threshold is -0.1, expected a Euclidean distance"),
        ({"threshold": float("nan")}, "threshold is nan"),
        ({"threshold": float("inf")}, "threshold is inf"),
        ({"threshold": "1"}, "threshold is '1'"),
        ({"threshold": True}, "threshold is True"),
    ],
)
def test_conditions_outside_their_range_are_refused(options, message):
    with pytest.raises(InvalidInputError, match=message):
        Refinement(**options)


def test_every_query_needs_its_places_and_a_depth():
    with pytest.raises(InvalidInputError, match="left_out has 2 entries for 1 queries"):
        search(2, 3.0, left_out=[[1], [2]])
    with pytest.raises(InvalidInputError, match="depth is 0"):
        search(0, 3.0)
