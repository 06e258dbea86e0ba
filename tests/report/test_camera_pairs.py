# SPDX-License-Identifier: Apache-2.0
"""mAP by camera pair: by hand, and against evaluating each pair's pictures alone."""

import numpy as np
import pytest

from mgn_fast import Identities
from mgn_fast.evaluation.measure import measure_embeddings
from mgn_fast.evaluation.protocol import Protocol
from mgn_fast.evaluation.reranking import RerankSettings
from mgn_fast.evaluation.sides import sides_of
from mgn_fast.report.camera_pairs import CameraPairTally
from oracles import retrieval
from support.report_runs import hard_run


def by_pair(distances, query, gallery, same_camera, ap):
    """Every pair evaluated alone, by the oracle, one query at a time."""
    cameras = np.unique(query.camera), np.unique(gallery.camera)
    means = np.full((len(cameras[0]), len(cameras[1])), np.nan)
    counts = np.zeros(means.shape, int)
    for i, a in enumerate(cameras[0]):
        for j, b in enumerate(cameras[1]):
            columns = np.flatnonzero(gallery.camera == b)
            some = Identities(gallery.person[columns], gallery.camera[columns])
            found = []
            for q in np.flatnonzero(query.camera == a):
                row = distances[q, columns]
                who = query.person[q], query.camera[q]
                hits, near = retrieval.ranked(row, *who, some, same_camera)
                if any(hits):
                    found.append(retrieval.precision_of_ranking(hits, near, ap))
            counts[i, j] = len(found)
            if found:
                means[i, j] = np.mean(found)
    return means, counts


def counted(distances, query, gallery, protocol):
    tally = CameraPairTally(sides_of(query, gallery, protocol.same_camera), protocol, 2)
    tally(slice(0, len(query)), np.ascontiguousarray(distances), None)
    return tally.pairs()


# Query: person 7 by camera 1. Gallery, nearest first: cameras 1, 2, 2, 3, 3.
GALLERY = Identities([7, 8, 7, 8, 9], [1, 2, 2, 3, 3])
DISTANCES = np.array([[0.1, 0.2, 0.3, 0.4, 0.5]], np.float32)
WORKED = {
    "drop": ([np.nan, 1 / 2, np.nan], [0, 1, 0]),
    "keep": ([1.0, 1 / 2, np.nan], [1, 1, 0]),
    "separate": ([np.nan, 1 / 2, np.nan], [0, 1, 0]),
}


@pytest.mark.parametrize("same_camera", WORKED)
def test_worked_by_hand(same_camera):
    query = Identities([7], [1])
    means, counts = WORKED[same_camera]
    got = counted(DISTANCES, query, GALLERY, Protocol(same_camera=same_camera))
    np.testing.assert_array_equal(got.mean_average_precision, [means])
    np.testing.assert_array_equal(got.num_queries, [counts])
    np.testing.assert_array_equal(got.gallery_cameras, [1, 2, 3])
    expected = by_pair(DISTANCES, query, GALLERY, same_camera, "sklearn")
    np.testing.assert_array_equal(expected[0], [means])


def test_the_mean_is_over_the_queries_of_the_camera_that_have_a_match_there():
    query = Identities([7, 8, 9, 7], [1, 1, 1, 2])
    got = counted(DISTANCES.repeat(4, 0), query, GALLERY, Protocol())
    # By camera 2: 7 at rank 2, 8 at rank 1, 9 nowhere. The query by camera 2 finds 7 by camera 1.
    np.testing.assert_allclose(got.mean_average_precision[0], [np.nan, 0.75, 0.75])
    np.testing.assert_allclose(got.mean_average_precision[1], [1.0, np.nan, np.nan])
    np.testing.assert_array_equal(got.num_queries, [[0, 2, 2], [1, 0, 0]])


@pytest.mark.usefixtures("many_examples")
@pytest.mark.parametrize("ap", ["sklearn", "hits", "market1501"])
@pytest.mark.parametrize("same_camera", ["drop", "keep", "separate"])
@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_each_pair_evaluated_alone(seed, same_camera, ap):
    rows, who = hard_run(seed)
    protocol = Protocol(same_camera=same_camera, ap=ap)
    plain, reranked = (
        CameraPairTally(sides_of(*who, protocol.same_camera), protocol, 2) for _ in range(2)
    )
    measure_embeddings(*rows, *who, [protocol], observers=[plain])
    blocks = []
    look = [reranked, lambda _, distances, __: blocks.append(distances.copy())]
    measure_embeddings(*rows, *who, [protocol], rerank=RerankSettings(k1=6, k2=3), observers=look)
    for tally, distances in (
        (plain, retrieval.squared_distances(*rows)),
        (reranked, np.concatenate(blocks)),
    ):
        means, counts = by_pair(distances, *who, same_camera, ap)
        got = tally.pairs()
        np.testing.assert_allclose(got.mean_average_precision, means, rtol=1e-12)
        np.testing.assert_array_equal(got.num_queries, counts)
