# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from mgn_fast import rank
from mgn_fast.evaluation.measure import measure_embeddings
from mgn_fast.evaluation.protocol import Protocol
from mgn_fast.evaluation.reranking import RerankSettings
from mgn_fast.report.nearest import NearestPictures
from oracles import retrieval
from support.report_runs import hard_run


def test_equal_distances_keep_gallery_order_by_hand():
    nearest = NearestPictures(np.array([1]), 2, 5, depth=3, threads=1)
    distances = np.array([[0, 0, 0, 0, 0], [0.5, 0.2, 0.5, 0.1, 0.5]], np.float32)
    nearest(slice(0, 2), distances, None)
    assert nearest.indices.tolist() == [[3, 1, 0]]
    np.testing.assert_allclose(nearest.distances, [[0.1, 0.2, 0.5]], rtol=1e-7)


@pytest.mark.parametrize("depth", [1, 7, 99])
@pytest.mark.parametrize("seed", range(3))
def test_plain_lists_are_those_of_rank(seed, depth):
    rows, who = hard_run(seed)
    wanted = np.array([0, 3, 22])
    nearest = NearestPictures(wanted, 23, 61, depth=depth, threads=2)
    measure_embeddings(*rows, *who, [Protocol()], observers=[nearest])
    expected = rank(*rows, depth=depth)
    np.testing.assert_array_equal(nearest.indices, expected.indices[wanted])
    np.testing.assert_array_equal(nearest.distances.astype(np.float32), expected.distances[wanted])


@pytest.mark.parametrize("depth", [1, 7, 99])
@pytest.mark.parametrize("seed", range(3))
def test_reranked_lists_are_by_distance_then_position(seed, depth):
    rows, who = hard_run(seed)
    wanted, blocks = np.array([2, 5]), []
    nearest = NearestPictures(wanted, 23, 61, depth=depth, threads=2)
    look = [nearest, lambda _, distances, __: blocks.append(distances.copy())]
    measure_embeddings(*rows, *who, [Protocol()], rerank=RerankSettings(k1=6, k2=3), observers=look)
    for place, query in enumerate(wanted):
        row = np.concatenate(blocks)[query]
        order = retrieval.order(row)[:depth]
        assert nearest.indices[place].tolist() == order
        np.testing.assert_array_equal(nearest.distances[place], row[order])


def test_a_block_without_a_wanted_query_leaves_nothing():
    nearest = NearestPictures(np.array([5]), 6, 2, depth=1, threads=1)
    nearest(slice(0, 2), np.zeros((2, 2), np.float32), None)
    assert nearest.indices.tolist() == [[-1]]
