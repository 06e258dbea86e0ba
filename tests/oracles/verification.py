# SPDX-License-Identifier: Apache-2.0
"""Pairs and their rates, all in one list."""

from __future__ import annotations

import numpy as np

from oracles import retrieval


def pairs(query, gallery, distances, same_camera="drop"):
    """Distances of all pairs that stay, and whether each is of one person; by query and column."""
    found = []
    for i, row in enumerate(distances):
        person, camera = query.person[i], query.camera[i]
        for j, distance in enumerate(row):
            same, by_camera = gallery.person[j] == person, gallery.camera[j] == camera
            is_junk = by_camera and (same if same_camera == "drop" else same_camera == "separate")
            if not is_junk:
                found.append((distance, bool(same)))
    return np.array([d for d, _ in found]), np.array([same for _, same in found], bool)


def distances(query, gallery):
    """[Q, G] Euclidean distances in float64, each summed by itself."""
    return np.sqrt(retrieval.squared_distances(query, gallery))


def rates(distances, is_match):
    """Every distance there is, and the shares of impostors and of matches no farther."""
    thresholds = np.unique(distances)
    accepted = [distances <= threshold for threshold in thresholds]
    return (
        thresholds,
        np.array([np.mean(within[~is_match]) for within in accepted]),
        np.array([np.mean(within[is_match]) for within in accepted]),
    )


def without_level_points(false, true, thresholds):
    """A curve of scikit-learn's without points between two impostors, no match between them."""
    level = np.zeros(len(true), bool)
    level[2:-1] = (true[1:-2] == true[2:-1]) & (true[2:-1] == true[3:])
    return false[~level], true[~level], thresholds[~level]
