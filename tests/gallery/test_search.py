# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from mgn_fast import InvalidInputError, rank, rerank
from mgn_fast.evaluation.reranking import RerankSettings
from mgn_fast.gallery.finding.combining import expand_queries
from mgn_fast.gallery.finding.refining import Refinement
from mgn_fast.gallery.search import (
    checked_queries,
    gathered,
    nearest,
    nearest_refined,
    nearest_reranked,
    reranked_among,
)


def unit_rows(random, count, width=64):
    rows = random.standard_normal((count, width)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def cut(rows, *sizes):
    return np.split(rows, np.cumsum(sizes))


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("depth", [1, 7, 1000])
def test_the_nearest_are_those_of_rank_however_the_rows_are_cut(random, dtype, depth):
    queries, rows = unit_rows(random, 5), unit_rows(random, 90).astype(dtype)
    rows[40] = rows[3]  # equal distances keep the rows' order
    expected = rank(queries, rows.astype(np.float32), depth=depth)
    for segments in ([rows], cut(rows, 1, 0, 50), cut(rows, 30, 30, 30)):
        found = nearest(queries, segments, depth, None)
        np.testing.assert_array_equal(found.indices, expected.indices)
        np.testing.assert_array_equal(found.distances, expected.distances)


def test_re_ranked_among_all_is_the_order_of_rerank(random):
    queries, rows = unit_rows(random, 3), unit_rows(random, 60)
    distances = rerank(queries, rows, k1=5, k2=3)
    found = nearest_reranked(queries, cut(rows, 20), 10, RerankSettings(5, 3), None, None)
    np.testing.assert_array_equal(found.indices, distances.argsort(axis=1, kind="stable")[:, :10])
    np.testing.assert_array_equal(
        found.distances, np.take_along_axis(distances, found.indices.astype(int), axis=1)
    )


def test_re_ranked_among_candidates_is_rerank_of_those_alone(random):
    queries, rows = unit_rows(random, 3), unit_rows(random, 60)
    segments = cut(rows, 20)
    found = nearest_reranked(queries, segments, 4, RerankSettings(5, 3), 15, None)
    for query, places, distances in zip(queries, found.indices, found.distances, strict=True):
        chosen = rank(query[None], rows, depth=15).indices[0]
        expected = rerank(query[None], rows[chosen], k1=5, k2=3)[0]
        order = expected.argsort(kind="stable")[:4]
        np.testing.assert_array_equal(places, chosen[order])
        np.testing.assert_array_equal(distances, expected[order])
        again = reranked_among(query, chosen, segments, 4, RerankSettings(5, 3), None)
        np.testing.assert_array_equal(again.indices, places)


def test_rows_are_gathered_by_place(random):
    rows = unit_rows(random, 9).astype(np.float16)
    places = np.array([8, 0, 3, 3])
    got = gathered(cut(rows, 3, 0, 2), places)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, rows[places].astype(np.float32))


def test_queries_of_other_dtypes_are_converted():
    got = checked_queries(np.asfortranarray(np.eye(3, 4)), 4)
    assert got.dtype == np.float32
    assert got.flags.c_contiguous


@pytest.mark.parametrize(
    ("queries", "message"),
    [
        (np.ones((2, 5)), "queries is 5 wide and the gallery 4"),
        (np.ones(4), r"queries is float64 \(4,\), expected"),
        (np.full((1, 4), np.nan), "queries has nan in row 0"),
        (np.ones((1, 4), int), "queries is int64"),
        (np.ones((0, 4)), "expected at least one picture"),
    ],
)
def test_other_queries_are_refused(queries, message):
    with pytest.raises(InvalidInputError, match=message):
        checked_queries(queries, 4)


def test_options_outside_their_range_are_refused(random):
    rows = unit_rows(random, 5)
    with pytest.raises(InvalidInputError, match="depth is 0"):
        nearest(rows, [rows], 0, None)
    with pytest.raises(InvalidInputError, match="candidates is 3, expected at least depth, 4"):
        nearest_reranked(rows, [rows], 4, RerankSettings(), 3, None)


def test_a_re_ranking_that_does_not_fit_names_candidates(random, monkeypatch):
    from mgn_fast.common import memory

    monkeypatch.setattr(memory, "available_bytes", lambda: 1 << 28)
    rows = np.zeros((1, 2048), np.float32)
    many = np.broadcast_to(np.float16(0), (1_000_000, 2048))
    with pytest.raises(InvalidInputError, match="pass candidates=1000"):
        nearest_reranked(rows, [many], 4, RerankSettings(), None, 2)


@pytest.mark.parametrize("depth", [1, 7, 1000])
def test_segments_of_both_dtypes_are_searched_as_one(random, depth):
    queries, rows = unit_rows(random, 5), unit_rows(random, 90).astype(np.float16)
    rows[70] = rows[20] = rows[3]
    expected = rank(queries, rows.astype(np.float32), depth=depth)
    first, second, third, fourth = cut(rows, 15, 20, 30)
    wide = [part.astype(np.float32) for part in (first, third)]
    found = nearest(queries, [wide[0], second, wide[1], fourth], depth, None)
    np.testing.assert_array_equal(found.indices, expected.indices)
    np.testing.assert_array_equal(found.distances, expected.distances)


@pytest.mark.parametrize("rerank_by", [None, RerankSettings(5, 3)])
def test_pictures_left_out_make_room_for_others(random, rerank_by):
    queries, segments = unit_rows(random, 3), cut(unit_rows(random, 60), 20)
    whole = nearest_refined(queries, segments, 12, Refinement(), rerank=rerank_by)
    left_out = [whole.indices[0, :2], [], whole.indices[2, 1:2]]
    found = nearest_refined(
        queries, segments, 5, Refinement(left_out=left_out), rerank=rerank_by, threads=1
    )
    for row, places in enumerate(left_out):
        kept = [place for place in whole.indices[row].tolist() if place not in list(places)]
        assert found.indices[row].tolist() == kept[:5]


def test_candidates_are_counted_without_those_left_out(random):
    queries, rows = unit_rows(random, 1), unit_rows(random, 60)
    own = rank(queries, rows, depth=1).indices[0]
    found = nearest_refined(
        queries,
        [rows],
        4,
        Refinement(left_out=[own]),
        rerank=RerankSettings(5, 3),
        candidates=4,
    )
    assert sorted(found.indices[0]) == sorted(rank(queries, rows, depth=5).indices[0, 1:])


def test_an_expanded_search_is_that_of_the_expanded_query(random):
    queries, rows = unit_rows(random, 4), unit_rows(random, 60)
    near = rank(queries, rows, depth=3).indices
    expanded = expand_queries(queries, [rows[places] for places in near])
    found = nearest_refined(queries, cut(rows, 25), 6, Refinement(expand=3))
    expected = rank(expanded, rows, depth=6)
    np.testing.assert_array_equal(found.indices, expected.indices)
    np.testing.assert_array_equal(found.distances, expected.distances)


def test_what_does_not_go_together_is_refused(random):
    rows = unit_rows(random, 9)
    with pytest.raises(InvalidInputError, match="candidates is 5, which only re-ranking takes"):
        nearest_refined(rows, [rows], 2, Refinement(), candidates=5)
    with pytest.raises(InvalidInputError, match=r"threshold is 1.0, .* leave threshold or rerank"):
        nearest_refined(rows, [rows], 2, Refinement(threshold=1.0), rerank=RerankSettings())
    with pytest.raises(InvalidInputError, match="candidates is 1, expected at least depth, 2"):
        nearest_refined(rows, [rows], 2, Refinement(), rerank=RerankSettings(), candidates=1)
