# SPDX-License-Identifier: Apache-2.0
"""Counts of distances: by hand, and against counting every pair."""

import numpy as np
import pytest

from mgn_fast import Identities
from mgn_fast.evaluation.measure import measure_embeddings
from mgn_fast.evaluation.protocol import Protocol
from mgn_fast.evaluation.sides import sides_of
from mgn_fast.report import histograms
from mgn_fast.report.histograms import BINS, DistanceCounter, DistanceHistogram
from support.report_runs import hard_run

GALLERY = Identities([7, 7, 8, 0], [1, 2, 1, 2])
QUERY = Identities([7], [1])
DISTANCES = np.array([[0.25, 0.5, 0.75, 1.5]], np.float32)
WORKED = {  # distances of matches, and of others
    "drop": ([0.5], [0.75, 1.5]),
    "keep": ([0.25, 0.5], [0.75, 1.5]),
    "separate": ([0.5], [1.5]),
}


def counted(counts, edges):
    return [float(edges[place]) for place in np.flatnonzero(counts) for _ in range(counts[place])]


@pytest.mark.parametrize("same_camera", WORKED)
def test_worked_by_hand(same_camera):
    counter = DistanceCounter(sides_of(QUERY, GALLERY, same_camera))
    counter(slice(0, 1), DISTANCES, None)
    got = counter.histogram()
    # Powers of two lie on edges, and are counted above them. The range ends above 1.5, at 2.
    assert got.edges[-1] == 2.0
    assert (counted(got.matches, got.edges), counted(got.others, got.edges)) == WORKED[same_camera]


def by_pair(distances, query, gallery, same_camera, edges):
    matches, others = np.zeros(BINS, int), np.zeros(BINS, int)
    for q, row in enumerate(distances):
        for g, distance in enumerate(row):
            same = query.person[q] == gallery.person[g]
            by_camera = query.camera[q] == gallery.camera[g]
            if by_camera and (same_camera == "separate" or (same and same_camera == "drop")):
                continue
            place = np.searchsorted(edges, distance, side="right") - 1
            (matches if same else others)[place] += 1
    return matches, others


@pytest.mark.parametrize("same_camera", ["drop", "keep", "separate"])
def test_agrees_with_counting_every_pair_in_whatever_blocks(same_camera, monkeypatch):
    _, who = hard_run(1)
    random = np.random.default_rng(1)
    # Small ones first, so that the range grows on the way.
    distances = np.sort(random.lognormal(-3, 2, (23, 61)).astype(np.float32), axis=0)
    monkeypatch.setattr(histograms, "_SLICE_ELEMENTS", 130)
    got = []
    for step in (23, 5):
        counter = DistanceCounter(sides_of(*who, same_camera))
        for start in range(0, 23, step):
            block = distances[start : start + step]
            counter(slice(start, start + len(block)), block, None)
        got.append(counter.histogram())
    matches, others = by_pair(distances, *who, same_camera, got[0].edges)
    for histogram in got:
        np.testing.assert_array_equal(histogram.matches, matches)
        np.testing.assert_array_equal(histogram.others, others)
    largest = float(distances.max())
    assert got[0].edges[-1] / 2 <= largest < got[0].edges[-1]


def test_plain_distances_are_euclidean_and_nothing_is_written_to():
    query, gallery = np.array([[0.0, 0.0]], np.float32), np.array([[3.0, 4.0]], np.float32)
    who = Identities([1], [1]), Identities([1], [2])
    counter, seen = DistanceCounter(sides_of(*who, "drop")), []
    look = [counter, lambda _, distances, __: seen.append(distances.copy())]
    measure_embeddings(query, gallery, *who, [Protocol()], observers=look)
    got = counter.histogram()
    assert counted(got.matches, got.edges) == [5.0]
    assert seen[0].item() == 25.0


def test_a_largest_distance_on_the_ranges_end_makes_it_longer():
    counter = DistanceCounter(sides_of(QUERY, GALLERY, "drop"))
    counter(slice(0, 1), np.array([[0.5, 1.0, 1.5, 2.0]], np.float32), None)
    got = counter.histogram()
    assert got.edges[-1] == 4.0
    assert counted(got.matches, got.edges) == [1.0]
    assert counted(got.others, got.edges) == [1.5, 2.0]


def test_no_distance_at_all_is_not_far():
    counter = DistanceCounter(sides_of(QUERY, GALLERY, "drop"))
    counter(slice(0, 1), np.zeros((1, 4), np.float32), None)
    assert counter.histogram().matches[0] == 1


def small(matches, others):
    edges = np.arange(BINS + 1) / BINS
    histogram = DistanceHistogram(edges, np.zeros(BINS, int), np.zeros(BINS, int))
    for counts, places in ((histogram.matches, matches), (histogram.others, others)):
        np.add.at(counts, places, 1)
    return histogram


def test_what_is_drawn_has_few_bins_and_all_counts():
    histogram = small([1000, 1001, 1300], [1200, 1311, 1311])
    drawn = histogram.drawn(20)
    assert len(drawn.matches) <= 20
    assert len(drawn.edges) == len(drawn.matches) + 1
    assert (drawn.matches.sum(), drawn.others.sum()) == (3, 3)
    assert drawn.edges[0] <= 1000 / BINS
    assert drawn.edges[-1] > 1311 / BINS
    assert drawn.matches[0] > 0
    assert drawn.others[-1] > 0
    one = small([], [7]).drawn(2)
    assert one.others.tolist() == [1]
    assert len(small([], []).drawn(9).edges) == BINS + 1


def test_medians_and_the_share_of_nearer_others():
    histogram = small([10, 20, 30], [5, 25, 40, 50])
    assert histogram.median(histogram.matches) == 20.5 / BINS
    assert histogram.median(histogram.others) == 25.5 / BINS
    assert histogram.nearer_others(20.5 / BINS) == 0.25
    nothing = small([], [])
    assert np.isnan(nothing.median(nothing.matches))
    assert np.isnan(nothing.nearer_others(1.0))
