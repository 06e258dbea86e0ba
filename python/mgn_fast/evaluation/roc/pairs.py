# SPDX-License-Identifier: Apache-2.0
"""Pairs of queries and gallery pictures, counted for a verification curve.

Owns that all of them are counted by their float64 distance, and none but the matches' is listed:
float32 products rule out what is far from every match, the core settles the rest.
"""

from __future__ import annotations

from typing import get_args

import numpy as np

from mgn_fast import _core
from mgn_fast.common.checks import one_of
from mgn_fast.common.threads import thread_count
from mgn_fast.errors import InvalidInputError
from mgn_fast.evaluation.distances import EmbeddingSet, checked_sets, screened_blocks
from mgn_fast.evaluation.memory_plan import Work, require_room
from mgn_fast.evaluation.roc.curve import VerificationCurve, curve_of
from mgn_fast.evaluation.rows import RowMetric, both_as_arrays, notes_on_lengths, num_converted
from mgn_fast.evaluation.sides import (
    SameCamera,
    SamePicture,
    Sides,
    require_same_number,
    sides_of,
)
from mgn_fast.types import AnyArray, ArrayLike, F32Array, F64Array, I64Array, Identities

# Up to so many impostors, 8 MB of distances, are listed: one way less to be wrong for small sets.
LISTED_IMPOSTORS = 1 << 20
# Bytes for each match: its distance, what sorting it takes, its threshold and its points.
_MATCH_BYTES = 160
_MATCH_BYTES_OF_THREAD = 32


def verification_curve(
    query_embeddings: ArrayLike,
    gallery_embeddings: ArrayLike,
    query: Identities,
    gallery: Identities,
    *,
    same_camera: SameCamera = "drop",
    same_picture: SamePicture = "auto",
    metric: RowMetric = "euclidean",
    threads: int | None = None,
) -> VerificationCurve:
    """How many matches and impostors each threshold on the distance accepts: a ROC of all pairs.

    Counts by the float64 Euclidean distance between the float32 rows, exactly, whatever the CPU,
    the block and the number of threads; never holds more than a block of distances and those of the
    matches.

    Up to 2^20 impostors the points are those of scikit-learn's `roc_curve(is_match, -distance)` on
    the same pairs, thresholds with the sign turned (its infinity is minus infinity here). Of more
    impostors, points between two impostors with no match between them are left out: scikit-learn
    keeps some where several impostors are at one distance, though they lie on a level piece.

    Args:
        query_embeddings: float32 [Q, D]; float16 and float64 are converted to it.
        gallery_embeddings: float32 [G, D], likewise.
        query: person and camera of every query.
        gallery: person and camera of every gallery picture.
        same_camera: as for `mgn_fast.evaluate`: junk is neither match nor impostor.
        same_picture: likewise: a picture and itself are no pair.
        metric: likewise.
        threads: to compute with; None for MGN_FAST_THREADS or all cores.

    Returns:
        The curve. Without impostors (or matches) their rates are NaN.

    Raises:
        InvalidInputError: as for `mgn_fast.evaluate`, but that no query needs a match; no pair.

    Example:
        Distances are 1 and 3 to the person's own pictures, 2 and 4 to others:

        >>> import numpy as np
        >>> from mgn_fast import Identities, verification_curve
        >>> curve = verification_curve(
        ...     np.zeros((1, 1), np.float32),
        ...     np.array([[1], [3], [2], [4]], np.float32),
        ...     Identities([7], [1]),
        ...     Identities([7, 7, 8, 9], [2, 2, 2, 2]),
        ... )
        >>> print(curve.false_accept_rate, curve.true_accept_rate, curve.threshold)
        [0.  0.  0.5 0.5 1. ] [0.  0.5 0.5 1.  1. ] [-inf   1.   2.   3.   4.]
        >>> tuple(curve.at(0)), tuple(curve.at(0.5)), curve.equal_error_rate
        ((0.5, 1.0), (1.0, 3.0), 0.5)
    """
    threads = thread_count(threads)
    one_of("metric", metric, get_args(RowMetric))
    given = both_as_arrays(query_embeddings, gallery_embeddings)
    sides = sides_of(query, gallery, same_camera, embeddings=given, same_picture=same_picture)
    plan = PairPlan(sides, threads)
    if all(side.ndim == 2 for side in given):  # others are refused below, by what they are
        what = f"verification of {len(query)} queries and {len(gallery)} gallery pictures"
        require_room(what, plan.work(*given, metric=metric))
    queries, pictures = checked_sets(*given, threads, metric)
    require_same_number("query", len(query), "query_embeddings", len(queries))
    require_same_number("gallery", len(gallery), "gallery_embeddings", len(pictures))
    tally = PairTally(plan, queries.weighed(threads), pictures.weighed(threads))
    if not tally.is_listed:
        for rows, distances, block in screened_blocks(
            tally.queries, tally.gallery, "squared_distance", threads
        ):
            tally(rows, distances, block)
    said = tuple(notes_on_lengths((queries.squares, pictures.squares), metric))
    return tally.curve((*said, *sides.notes()))


class PairPlan:
    """Which pairs there are, before any distance is known.

    Args:
        sides: queries and gallery, and who leaves.
        threads: of the core.

    Raises:
        InvalidInputError: there is no pair.
    """

    def __init__(self, sides: Sides, threads: int) -> None:
        self.sides, self.threads = sides, threads
        self.pairs = _core.Pairs(sides.gallery_person, sides.gallery_camera, sides.rule)
        matches, impostors = self.pairs.count(sides.query_person, sides.query_camera)
        self.num_matches, self.num_impostors = int(matches.sum()), int(impostors.sum())
        if self.num_matches + self.num_impostors == 0:
            raise InvalidInputError(
                f"no pair is left of {len(sides.query)} queries and {len(sides.gallery)} gallery "
                f"pictures: same_camera={sides.same_camera!r} removes all; pass same_camera='keep'"
            )

    @property
    def needed_bytes(self) -> int:
        """Beyond what an evaluation of the same sides takes."""
        per_match = _MATCH_BYTES + _MATCH_BYTES_OF_THREAD * self.threads
        listed = self.num_impostors if self.num_impostors <= LISTED_IMPOSTORS else 0
        return per_match * self.num_matches + 80 * listed

    def work(self, query: AnyArray, gallery: AnyArray, *, metric: RowMetric) -> Work:
        """The size of a pass for the pairs alone, of embeddings [Q, D] and [G, D]."""
        return Work(
            len(query),
            len(gallery),
            query.shape[1],
            self.threads,
            converted=num_converted((query, gallery), metric),
            besides=self.needed_bytes,
        )


def plan_beside_ranking(sides: Sides, threads: int, *, is_reranked: bool) -> PairPlan:
    """The plan of a verification in an evaluation's pass, which must be one of plain distances."""
    if is_reranked:
        raise InvalidInputError(
            "verification is of plain distances, which a threshold on new pictures can be compared "
            "with; expected no re-ranking in the same call"
        )
    return PairPlan(sides, threads)


class PairTally:
    """Counts pairs block by block. A block observer of `measure_embeddings`.

    Args:
        plan: which pairs there are.
        queries: their embeddings, weighed.
        gallery: likewise.
    """

    def __init__(self, plan: PairPlan, queries: EmbeddingSet, gallery: EmbeddingSet) -> None:
        self._plan, self.queries, self.gallery = plan, queries, gallery
        self._thresholds, self._matches = np.unique(
            self._distances("matches", plan.num_matches), return_counts=True
        )
        self._counter = _core.ImpostorCounter(plan.pairs, self._thresholds)

    @property
    def is_listed(self) -> bool:
        """True for so few impostors that their distances are listed, and no block is needed."""
        return self._plan.num_impostors <= LISTED_IMPOSTORS

    @property
    def num_settled(self) -> int:
        """Impostors of the blocks whose distance had to be computed in float64."""
        return self._counter.sum()[-1]

    def __call__(self, rows: slice, _: F32Array, block: _core.Screened | None) -> None:
        """Counts some queries' pairs by squared distances that float64 settles where it decides."""
        if self.is_listed or block is None:
            return
        sides = self._plan.sides
        who = sides.query_person[rows], sides.query_camera[rows]
        self._counter.add(block, *who, self._plan.threads)

    def curve(self, notes: tuple[str, ...] = ()) -> VerificationCurve:
        """The curve of all pairs, once all blocks are counted."""
        return curve_of(*(self._listed() if self.is_listed else self._counted()), notes)

    def _distances(self, kind: str, count: int) -> F64Array:
        sides, found = self._plan.sides, np.empty(count)
        rows = self.queries.values, self.gallery.values
        who = sides.query_person, sides.query_camera
        self._plan.pairs.distances(kind, *rows, *who, found, self._plan.threads)
        return found

    def _listed(self) -> tuple[F64Array, I64Array, I64Array]:
        """All distances that pairs have, and the matches and impostors at each."""
        impostors, counts = np.unique(
            self._distances("impostors", self._plan.num_impostors), return_counts=True
        )
        return _merged(
            np.concatenate([self._thresholds, impostors]),
            np.concatenate([self._matches, np.zeros_like(counts)]),
            np.concatenate([np.zeros_like(self._matches), counts]),
        )

    def _counted(self) -> tuple[F64Array, I64Array, I64Array]:
        """The same without what is between the first and the last impostor of a gap."""
        below, equal, largest, smallest, num_smallest, _ = self._counter.sum()
        beyond = self._plan.num_impostors - int(below.sum() + equal.sum())
        gaps = np.append(below, beyond)
        gaps[0] -= num_smallest
        inside = gaps > 0
        ends = largest[inside]
        nothing = np.zeros(len(ends), np.int64)
        first = np.array([smallest] if num_smallest else [])
        return _merged(
            np.concatenate([first, self._thresholds, ends]),
            np.concatenate([np.zeros(len(first), np.int64), self._matches, nothing]),
            np.concatenate([np.full(len(first), num_smallest), equal, gaps[inside]]),
        )


def _merged(
    distances: F64Array, matches: I64Array, impostors: I64Array
) -> tuple[F64Array, I64Array, I64Array]:
    """Counts at each distance, in ascending order; no distance comes twice in one of them."""
    found, place = np.unique(distances, return_inverse=True)
    at = np.zeros((2, len(found)), np.int64)
    np.add.at(at[0], place, matches)
    np.add.at(at[1], place, impostors)
    return found, at[0], at[1]
