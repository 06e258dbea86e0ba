# SPDX-License-Identifier: Apache-2.0
"""The nearest gallery pictures of queries, from the blocks of a run that goes on anyway."""

from __future__ import annotations

import numpy as np

from mgn_fast import _core
from mgn_fast.evaluation.distances import empty_lists
from mgn_fast.types import F32Array, F64Array, I32Array, I64Array


class NearestPictures:
    """A BlockObserver that keeps the first pictures of each ranking; ties keep their order.

    Args:
        queries: ascending positions of the queries whose lists are wanted.
        num_queries: of the run.
        num_gallery: pictures of the gallery.
        depth: pictures per list; a smaller gallery is listed whole.
        threads: of the core.

    Attributes:
        queries: as given.
        indices: int32 [N, depth], positions in the gallery.
        distances: float64 [N, depth]: Euclidean, or re-ranked ones.
    """

    def __init__(
        self, queries: I64Array, num_queries: int, num_gallery: int, *, depth: int, threads: int
    ) -> None:
        self.queries = queries
        self.indices: I32Array
        self.distances: F64Array
        self.indices, self.distances = empty_lists(len(queries), min(depth, num_gallery))
        self._threads = threads
        self._place = np.full(num_queries, -1)
        self._place[queries] = np.arange(len(queries))

    def __call__(self, rows: slice, distances: F32Array, screened: _core.Screened | None) -> None:
        """Keeps the nearest pictures of one block of distances."""
        wanted = np.flatnonzero(self._place[rows] >= 0)
        places = self._place[rows][wanted]
        if len(wanted) == 0:
            return
        if screened is None:
            for row, place in zip(wanted, places, strict=True):
                self.indices[place], self.distances[place] = self._first_of(distances[row])
            return
        columns, squares = empty_lists(len(distances), self.indices.shape[1])
        _core.merge_nearest(screened, 0, columns, squares, self._threads)
        self.indices[places], self.distances[places] = columns[wanted], np.sqrt(squares[wanted])

    def _first_of(self, row: F32Array) -> tuple[I64Array, F32Array]:
        depth = self.indices.shape[1]
        # All that are no farther than the last one listed, of which equal ones may be too many.
        farthest = np.partition(row, depth - 1)[depth - 1]
        near = np.flatnonzero(row <= farthest)
        near = near[np.argsort(row[near], kind="stable")][:depth]
        return near, row[near]
