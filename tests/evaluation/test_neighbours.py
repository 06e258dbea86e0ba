# SPDX-License-Identifier: Apache-2.0
"""The nearest pictures of each, found in passes of blocks, against a sort of float64 distances."""

import numpy as np
import pytest

from mgn_fast import _core
from mgn_fast.common.progress import no_progress
from mgn_fast.evaluation import distances
from mgn_fast.evaluation.distances import EmbeddingSet
from mgn_fast.evaluation.neighbours import NeighbourFinder
from oracles import retrieval

METRICS = ("squared_distance", "unit_rows")


def unit_crowd(seed, count=700, width=24, noise=0.6):
    """Unit rows around a few centres, with equal ones; more than one block when those are small."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((30, width))
    rows = centres[random.integers(0, 30, count)] + noise * random.standard_normal((count, width))
    rows[20:30] = rows[10]
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def found(rows, queries, depth, *, metric="unit_rows", keep=True, threads=2, progress=no_progress):
    """What the finder finds, and the distances it kept."""
    sets = [
        EmbeddingSet(part, _core.squared_lengths(part, 1))
        for part in (rows[:queries], rows[queries:])
    ]
    kept = np.full((queries, len(rows) - queries), np.nan, np.float32) if keep else None
    return NeighbourFinder(*sets, metric, depth, threads, progress).find(kept), kept


@pytest.mark.usefixtures("many_examples")
@pytest.mark.parametrize("keep", [True, False], ids=["kept", "dropped"])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("bfloat16", [True, False], ids=["bfloat16", "float32"])
def test_the_finder_agrees_with_a_sort_of_float64_distances(monkeypatch, bfloat16, metric, keep):
    if not bfloat16:
        monkeypatch.setattr(_core, "has_bfloat16_product", lambda: False)
    monkeypatch.setattr(distances, "BLOCK_ROWS", 190)
    rows = unit_crowd(0)
    (columns, values, largest), kept = found(rows, 120, 21, metric=metric, keep=keep)
    expected = retrieval.nearest_lists(rows, 21, metric)
    np.testing.assert_array_equal(columns, expected[0])
    np.testing.assert_allclose(values, expected[1], rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(largest, expected[2].astype(np.float32))
    if kept is not None:
        exact = retrieval.squared_distances(rows[:120], rows[120:])
        np.testing.assert_allclose(kept, exact, atol=1e-5)


def test_precision_blocks_and_threads_do_not_change_a_bit(monkeypatch):
    rows = unit_crowd(1)
    whole, _ = found(rows, 300, 8)
    variants = [found(rows, 300, 8, threads=1)[0], found(rows, 300, 8, keep=False)[0]]
    monkeypatch.setattr(distances, "BLOCK_ROWS", 64)
    variants.append(found(rows, 300, 8)[0])
    monkeypatch.setattr(_core, "has_bfloat16_product", lambda: False)
    variants.append(found(rows, 300, 8)[0])
    monkeypatch.setattr(_core, "has_product", lambda: False)
    variants.append(found(rows, 300, 8)[0])
    for variant in variants:
        for one, other in zip(whole, variant, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.skipif(not _core.has_bfloat16_product(), reason="no bfloat16 product here")
def test_pictures_too_close_for_bfloat16_are_compared_in_float32(monkeypatch):
    """Rows that differ by less than what bfloat16 loses, as those of a network before training."""
    switched = []

    class Spy(_core.Neighbours):
        def expect_float32(self, threads):
            switched.append(threads)
            super().expect_float32(threads)

    monkeypatch.setattr(_core, "Neighbours", Spy)
    monkeypatch.setattr(distances, "BLOCK_ROWS", 100)
    random = np.random.default_rng(2)
    rows = 1.0 + 2e-3 * random.standard_normal((700, 24))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    (columns, _, largest), _ = found(rows, 200, 9)
    expected = retrieval.nearest_lists(rows, 9, "unit_rows")
    np.testing.assert_array_equal(columns, expected[0])
    np.testing.assert_array_equal(largest, expected[2].astype(np.float32))
    assert len(switched) == 1
    switched.clear()
    found(unit_crowd(3), 200, 9)
    assert switched == []


@pytest.mark.parametrize("keep", [True, False], ids=["kept", "dropped"])
def test_progress_counts_every_pair_once(monkeypatch, keep):
    monkeypatch.setattr(distances, "BLOCK_ROWS", 100)
    calls = []
    found(unit_crowd(4), 250, 3, keep=keep, progress=lambda *call: calls.append(call))
    done = [done for _, done, _ in calls]
    assert {(stage, total) for stage, _, total in calls} == {("comparing pictures", 700 * 701 // 2)}
    assert done == sorted(set(done))
    assert done[-1] == 700 * 701 // 2
