# SPDX-License-Identifier: Apache-2.0
"""How well the queries of one camera find their person among the pictures of another.

Counted from the blocks of a run that goes on anyway, by the very rules of `protocol`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mgn_fast import _core
from mgn_fast.errors import InvalidInputError
from mgn_fast.evaluation.protocol import Protocol, ProtocolTally
from mgn_fast.evaluation.sides import Sides, sides_of
from mgn_fast.types import F32Array, F64Array, I32Array, I64Array, Identities

# Each camera of the gallery is one more count of every query, and one more column to read.
MOST_CAMERAS = 40


def can_pair(sides: Sides) -> bool:
    """Whether cameras are known, and few enough for a matrix: up to 40 on either side."""
    cameras = sides.query.camera, sides.gallery.camera
    return all(taken is not None and len(np.unique(taken)) <= MOST_CAMERAS for taken in cameras)


@dataclass(frozen=True, eq=False)
class CameraPairs:
    """Mean average precision by the query's and the gallery's camera.

    Attributes:
        query_cameras: int32 [A], ascending.
        gallery_cameras: int32 [B], ascending.
        mean_average_precision: float64 [A, B]; NaN where no query has a match.
        num_queries: int64 [A, B], the queries that have one: what the mean is of.
    """

    query_cameras: I32Array
    gallery_cameras: I32Array
    mean_average_precision: F64Array
    num_queries: I64Array


class CameraPairTally:
    """A BlockObserver that counts each camera's gallery pictures as if there were no others.

    Args:
        sides: queries and gallery, with cameras.
        protocol: whose definition of average precision and rule for the same camera hold. Its
            draws do not: the gallery is the whole one.
        threads: of the core.
    """

    def __init__(self, sides: Sides, protocol: Protocol, threads: int) -> None:
        query, gallery = sides.query, sides.gallery
        if query.camera is None or gallery.camera is None:
            raise InvalidInputError("query and gallery have no cameras, expected some")
        self._by = query.camera
        # Where a picture may be in query and gallery, it would be found among its own camera's.
        self._keeps_own_camera = sides.same_camera == "keep" and sides.own is None
        # To the core all queries are by camera 1, as is every picture that is not by the camera
        # counted; "separate" then removes exactly those, and no distance is computed again.
        alone = Protocol(max_rank=1, ap=protocol.ap, same_camera="separate")
        by_one = Identities(query.person, np.ones(len(query), np.int32))
        taken = gallery.camera
        self._tallies = {
            camera: ProtocolTally(
                sides_of(
                    by_one,
                    Identities(gallery.person, (taken != camera).astype(np.int32)),
                    "separate",
                ),
                alone,
                threads,
            )
            for camera in np.unique(taken).tolist()
        }

    def __call__(self, rows: slice, distances: F32Array, screened: _core.Screened | None) -> None:
        """Counts one block of distances for every camera."""
        for tally in self._tallies.values():
            if screened is None:
                tally.add_distances(rows, distances)
            else:
                tally.add_screened(rows, screened)

    def pairs(self) -> CameraPairs:
        """What was counted. A query's own camera has no matches unless the protocol keeps them."""
        cameras = np.unique(self._by)
        shape = len(cameras), len(self._tallies)
        means, counts = np.full(shape, np.nan), np.zeros(shape, np.int64)
        for column, (camera, tally) in enumerate(self._tallies.items()):
            precision = tally.average_precision.copy()
            if not self._keeps_own_camera:
                precision[self._by == camera] = np.nan
            for row, by in enumerate(cameras):
                found = precision[self._by == by]
                found = found[~np.isnan(found)]
                counts[row, column] = len(found)
                if len(found):
                    means[row, column] = found.mean()
        seen = np.array(list(self._tallies), np.int32)
        return CameraPairs(cameras, seen, means, counts)
