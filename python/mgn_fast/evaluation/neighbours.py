# SPDX-License-Identifier: Apache-2.0
"""The nearest pictures of every picture, queries and gallery together, each pair multiplied once.

Blocks whose values are not kept are multiplied in bfloat16 where the CPU does so: twice as fast,
and near enough to rule out what is far, within a bound that is measured. What is left is settled in
float64 by the core, so that lists and largest distances are exact either way.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mgn_fast import _core
from mgn_fast.common.progress import Progress, no_progress
from mgn_fast.evaluation.distances import (
    BLOCK_COLUMNS,
    EmbeddingSet,
    Metric,
    empty_lists,
    multiply,
    row_blocks,
    screened_blocks,
)
from mgn_fast.types import F32Array, F64Array, I32Array

# Rows of lists per call into the core: some milliseconds of work, so that an interrupt is seen.
ENCODED_ROWS = 16384

_NONE = np.empty(0, np.float64)


class NeighbourFinder:
    """Finds lists and largest distances; used once.

    Args:
        query: checked embeddings.
        gallery: checked embeddings.
        metric: "squared_distance", or "unit_rows" for 2 - 2 a.b.
        depth: neighbours wanted, at most the number of pictures.
        threads: of the core.
        progress: is told how many of all pairs are done.
    """

    def __init__(
        self,
        query: EmbeddingSet,
        gallery: EmbeddingSet,
        metric: Metric,
        depth: int,
        threads: int,
        progress: Progress = no_progress,
    ) -> None:
        self._query, self._gallery = query, gallery
        self._metric, self._depth, self._threads = metric, depth, threads
        self._progress, self._done = progress, 0
        self._scratch, self._buffer = _core.Scratch(), np.empty(0, np.float32)
        self._halves: dict[int, F32Array] = {}
        residuals = [_NONE, _NONE]
        if _core.has_bfloat16_product():
            for side, pictures in enumerate((query, gallery)):
                self._halves[side], residuals[side] = _core.to_bfloat16(pictures.values, threads)
        self._lists = _core.Neighbours(
            query.values,
            gallery.values,
            query.squares,
            gallery.squares,
            residuals[0],
            residuals[1],
            metric,
            depth,
        )

    def find(self, kept: F32Array | None) -> tuple[I32Array, F64Array, F32Array]:
        """Each picture's nearest pictures and its largest distance, over all pairs.

        Args:
            kept: float32 [Q, G] to write the distances from queries to gallery to; None to drop
                them.

        Returns:
            int32 and float64 [N, depth], each picture's nearest ones and their float64 distances,
            and float32 [N], its largest distance. Pictures are numbered queries first.
        """
        self._add_squares(0, 0)
        self._add_squares(1, 1)
        if kept is None:
            self._add_squares(0, 1)
        else:
            pair = self._query, self._gallery
            for rows, block, _ in screened_blocks(*pair, self._metric, self._threads, kept):
                self._add(block, rows.start, len(self._query))
        self._halves.clear()
        return self._settle()

    def _add_squares(self, left: int, right: int) -> None:
        """Adds each pair of a picture of one side and one of the other (or the same) side, once."""
        sides, first = (self._query, self._gallery), (0, len(self._query))
        for rows, columns in _squares(len(sides[left]), len(sides[right])):
            if left == right and rows.start > columns.start:
                continue
            sets = sides[left].part(rows), sides[right].part(columns)
            block = self._room_for(len(sets[0]), len(sets[1]))
            if self._halves and self._lists.is_crowded():
                self._lists.expect_float32(self._threads)
                self._halves.clear()
            if self._halves:
                halves = self._halves[left][rows], self._halves[right][columns]
                _core.multiply_bfloat16(*halves, block, self._scratch, self._threads)
            else:
                values = sets[0].values, sets[1].values
                multiply(*values, block, self._scratch, self._threads)
            squares = sets[0].squares, sets[1].squares
            _core.distances_from_dots(block, *squares, self._metric, self._threads)
            self._add(block, first[left] + rows.start, first[right] + columns.start)

    def _room_for(self, rows: int, columns: int) -> F32Array:
        if self._buffer.size < rows * columns:
            self._buffer = np.empty(rows * columns, np.float32)
        return self._buffer[: rows * columns].reshape(rows, columns)

    def _add(self, block: F32Array, row: int, column: int) -> None:
        self._lists.add(block, row, column, self._threads)
        count = len(self._query) + len(self._gallery)
        height, width = block.shape
        self._done += height * (height + 1) // 2 if row == column else height * width
        self._progress("comparing pictures", self._done, count * (count + 1) // 2)

    def _settle(self) -> tuple[I32Array, F64Array, F32Array]:
        count = len(self._query) + len(self._gallery)
        columns, distances = empty_lists(count, self._depth)
        largest = np.empty(count, np.float32)
        for start in range(0, count, ENCODED_ROWS):
            part = slice(start, min(count, start + ENCODED_ROWS))
            self._lists.settle(start, columns[part], distances[part], largest[part], self._threads)
        return columns, distances, largest


def _squares(rows: int, columns: int) -> Iterator[tuple[slice, slice]]:
    """Ranges that cover all pairs; square on the diagonal, where both sides are as many."""
    for right in row_blocks(columns, BLOCK_COLUMNS):
        for left in row_blocks(rows, BLOCK_COLUMNS):
            yield left, right
