# SPDX-License-Identifier: Apache-2.0
"""How far matches are from their queries, and how far everybody else.

Counted from the blocks of a run that goes on anyway; holds counts, never the distances.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mgn_fast import _core
from mgn_fast.evaluation.sides import Sides
from mgn_fast.types import AnyArray, F32Array, F64Array, I64Array

# Enough that of distances in a small part of the range a picture can still be drawn.
BINS = 1 << 12
# Elements looked at together: what is made of them stays in the cache, and below 8 MB.
_SLICE_ELEMENTS = 1 << 18


@dataclass(frozen=True, eq=False)
class DistanceHistogram:
    """Counts of distances, of matches and of others; junk is in neither.

    Attributes:
        edges: float64 [N + 1]; a distance on an edge is counted above it.
        matches: int64 [N].
        others: int64 [N].
    """

    edges: F64Array
    matches: I64Array
    others: I64Array

    def drawn(self, most: int) -> DistanceHistogram:
        """The part that holds distances, in fewer bins.

        Args:
            most: bins that it may have, at least 2.

        Returns:
            The counts, neighbours added up, without the empty bins at both ends.
        """
        full = np.flatnonzero(self.matches + self.others)
        if len(full) == 0:
            return self
        first, last = int(full[0]), int(full[-1])
        step = 1
        while last // step - first // step + 1 > most:
            step *= 2
        start, stop = first // step * step, (last // step + 1) * step
        edges = self.edges[start : stop + 1 : step]
        return DistanceHistogram(
            edges,
            self.matches[start:stop].reshape(-1, step).sum(axis=1),
            self.others[start:stop].reshape(-1, step).sum(axis=1),
        )

    def median(self, counts: I64Array) -> float:
        """The middle of the bin with the middle distance of `matches` or `others`, or NaN."""
        if not counts.sum():
            return math.nan
        place = int(np.searchsorted(counts.cumsum(), (counts.sum() + 1) // 2))
        return float(self.edges[place] + self.edges[place + 1]) / 2

    def nearer_others(self, distance: float) -> float:
        """The share of others that lie nearer, to within a bin; NaN where none was counted."""
        total = int(self.others.sum())
        return float(self.others[self.edges[1:] <= distance].sum()) / total if total else math.nan


class DistanceCounter:
    """A BlockObserver that counts distances by what the picture is to the query.

    Distances are float32 ones, as accurate as their matrix product. The width of a bin is a power
    of two that grows with the largest distance, so that counts depend on neither blocks nor order.

    Args:
        sides: queries and gallery, and which gallery pictures are junk.
    """

    def __init__(self, sides: Sides) -> None:
        self._sides = sides
        self._exponent = -40  # distances counted so far are below 2 to this
        self._counts = np.zeros((3, BINS), np.int64)  # of others, matches and junk

    def __call__(self, rows: slice, distances: F32Array, screened: _core.Screened | None) -> None:
        """Counts one block of distances."""
        step = max(1, _SLICE_ELEMENTS // distances.shape[1])
        for start in range(0, len(distances), step):
            some = np.maximum(distances[start : start + step], np.float32(0))  # rounding, see above
            if screened is not None:
                np.sqrt(some, out=some)
            at = rows.start + start
            self._count(slice(at, at + len(some)), some)

    def histogram(self) -> DistanceHistogram:
        """What was counted, from 0 to the power of two above the largest distance."""
        edges = np.ldexp(np.arange(BINS + 1) / BINS, self._exponent)
        return DistanceHistogram(edges, self._counts[1], self._counts[0])

    def _count(self, rows: slice, distances: F32Array) -> None:
        self._make_room_for(float(distances.max()))
        # A product with a power of two is exact, so that every distance gets into its own bin.
        places = (distances * np.float32(2.0 ** (12 - self._exponent))).astype(np.int32)
        same = self._sides.query_person[rows, None] == self._sides.gallery_person
        places += same * np.int32(BINS)
        junk = self._junk(rows, same)
        if junk is not None:
            places[junk] = 2 * BINS
        self._counts += np.bincount(places.ravel(), minlength=3 * BINS).reshape(3, BINS)

    def _junk(self, rows: slice, same: AnyArray) -> AnyArray | None:
        sides = self._sides
        if sides.rule == "keep":
            return None
        by_camera: AnyArray = sides.query_camera[rows, None] == sides.gallery_camera
        return by_camera if sides.rule == "separate" else by_camera & same

    def _make_room_for(self, largest: float) -> None:
        while largest >= math.ldexp(1.0, self._exponent):
            pairs = self._counts.reshape(3, -1, 2).sum(axis=2)
            self._counts = np.concatenate([pairs, np.zeros_like(pairs)], axis=1)
            self._exponent += 1
