# SPDX-License-Identifier: Apache-2.0
"""Pairs for the tests of their kernels: drawn, and worked by hand."""

import numpy as np

from mgn_fast import Identities, _core

CAMERAS = ("drop", "keep", "separate")

# The query is person 7 by camera 1, at 0. Gallery: person, camera, distance.
GALLERY = [(7, 1, 1), (7, 2, 2), (8, 1, 3), (9, 2, 5), (7, 3, 6), (8, 3, 8), (0, 2, 8)]
ROW = np.zeros((1, 1), np.float32)
COLUMNS = np.array([[d] for _, _, d in GALLERY], np.float32)
SIDES = Identities([7], [1]), Identities(*zip(*[(p, c) for p, c, _ in GALLERY], strict=True))


def pairs_of(gallery, same_camera="drop"):
    return _core.Pairs(gallery.person, gallery.camera, same_camera)


def distances_of(kind, rows, columns, query, gallery, same_camera="drop", threads=1):
    pairs = pairs_of(gallery, same_camera)
    counts = pairs.count(query.person, query.camera)[kind == "impostors"]
    out = np.full(counts.sum(), np.nan)
    pairs.distances(kind, rows, columns, query.person, query.camera, out, threads)
    return out


def draw(seed, *, width, queries=40, gallery=900, noise=1.0, levels=None):
    """Rows around centres; `levels` makes them whole numbers, so that many distances are equal."""
    random = np.random.default_rng(seed)
    person = random.integers(0, 12, queries + gallery)
    rows = random.standard_normal((12, width))[person]
    rows = rows + noise * random.standard_normal(rows.shape)
    if levels:
        rows = np.round(rows * levels)
    rows = rows.astype(np.float32)
    rows[-100:] = rows[-200:-100]  # pictures twice
    camera = random.integers(0, 4, queries + gallery)
    sides = [
        Identities(person[part], camera[part]) for part in (slice(queries), slice(queries, None))
    ]
    return rows[:queries], rows[queries:], *sides


CASES = {
    "apart": {"width": 24, "noise": 0.4},
    "mixed": {"width": 130, "noise": 2.0},
    "one number wide": {"width": 1},
    "many ties": {"width": 3, "levels": 1},
    "wide": {"width": 700, "noise": 1.0, "gallery": 300},
    "more than a piece of columns": {"width": 5, "gallery": 5000, "queries": 9},
    "more than a group of rows": {"width": 5, "gallery": 150, "queries": 300},
    "one query": {"width": 9, "queries": 1},
}
