# SPDX-License-Identifier: Apache-2.0
"""The nearest rows of a gallery's segments, exactly, and re-ranked. Knows no files and no names.

What is asked besides (expanded queries, a threshold, pictures that are not to be found) is done in
`finding.refining`, for every way of searching.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mgn_fast import _core
from mgn_fast.common.checks import whole_number
from mgn_fast.common.threads import thread_count
from mgn_fast.errors import InvalidInputError
from mgn_fast.evaluation.distances import empty_lists
from mgn_fast.evaluation.memory_plan import Work, needed_bytes, require_room
from mgn_fast.evaluation.report import Ranking
from mgn_fast.evaluation.reranking import RerankSettings, rerank
from mgn_fast.evaluation.rows import checked_rows
from mgn_fast.gallery.finding.refining import Refinement, refined
from mgn_fast.types import AnyArray, F32Array


@dataclass(frozen=True, eq=False)
class GalleryRanking(Ranking):
    """The nearest pictures of each query with their names, nearest first.

    Attributes:
        indices: int32 [Q, K], places in the gallery; -1 behind the last that was found.
        distances: float32 [Q, K]; Euclidean, or re-ranked where that was asked for; infinity where
            the place is -1.
        names: for each query of what was found.
    """

    names: tuple[tuple[str, ...], ...]


def nearest(
    queries: AnyArray, segments: Sequence[AnyArray], depth: int, threads: int | None
) -> Ranking:
    """The nearest rows of each query, by float64 Euclidean distance; ties keep the rows' order.

    Args:
        queries: floating point [Q, D].
        segments: float32 or float16 [n, D] each, also mixed, numbered one after another.
        depth: how many to list.
        threads: to search with; None for MGN_FAST_THREADS or all cores.

    Returns:
        K = min(depth, rows) places for each query.

    Raises:
        InvalidInputError: queries not two-dimensional, of another width, or not finite; `depth`
            below 1.
    """
    threads = thread_count(threads)
    rows = checked_queries(queries, segments[0].shape[1])
    places = min(whole_number("depth", depth, 1), sum(map(len, segments)))
    indices, squares = empty_lists(len(rows), places)
    first = 0
    for _, alike in itertools.groupby(segments, key=lambda segment: segment.dtype):
        pieces = list(alike)
        _core.scan_nearest(rows, pieces, first, indices, squares, threads)
        first += sum(map(len, pieces))
    return Ranking(indices, np.sqrt(squares).astype(np.float32))


def nearest_refined(
    queries: AnyArray,
    segments: Sequence[AnyArray],
    depth: int,
    refinement: Refinement,
    *,
    rerank: RerankSettings | None = None,
    candidates: int | None = None,
    threads: int | None = None,
) -> Ranking:
    """As `nearest`, or as `nearest_reranked`, under further conditions.

    Args:
        queries: floating point [Q, D].
        segments: float32 or float16 [n, D] each.
        depth: how many to list.
        refinement: the conditions.
        rerank: None for the order of Euclidean distances.
        candidates: of the re-ranking, pictures that are left out not counted.
        threads: None for MGN_FAST_THREADS or all cores.

    Returns:
        K places for each query; -1 and infinity behind the last one found.

    Raises:
        InvalidInputError: as for `nearest_reranked` and `refined`; candidates without re-ranking; a
            threshold with it.
    """
    if rerank is None and candidates is not None:
        raise InvalidInputError(
            f"candidates is {candidates}, which only re-ranking takes; pass rerank=True"
        )
    if rerank is not None and refinement.threshold is not None:
        raise InvalidInputError(
            f"threshold is {refinement.threshold}, a Euclidean distance, and re-ranked distances "
            "are none; leave threshold or rerank out"
        )
    if candidates is not None:
        checked_candidates(candidates, depth)

    def plain(rows: AnyArray, count: int) -> Ranking:
        return nearest(rows, segments, count, threads)

    def reranked(rows: AnyArray, count: int) -> Ranking:
        among = None if candidates is None else candidates + count - depth
        settings = rerank or RerankSettings()
        return nearest_reranked(rows, segments, count, settings, among, threads)

    return refined(
        checked_queries(queries, segments[0].shape[1]),
        depth,
        refinement,
        plain if rerank is None else reranked,
        find_plain=plain,
        rows_at=lambda places: gathered(segments, places),
    )


def checked_candidates(candidates: int, depth: int) -> int:
    """How many are re-ranked, at least the depth; InvalidInputError if either is out of range."""
    candidates, depth = whole_number("candidates", candidates, 1), whole_number("depth", depth, 1)
    if candidates < depth:
        raise InvalidInputError(f"candidates is {candidates}, expected at least depth, {depth}")
    return candidates


def nearest_reranked(
    queries: AnyArray,
    segments: Sequence[AnyArray],
    depth: int,
    settings: RerankSettings,
    candidates: int | None,
    threads: int | None,
) -> Ranking:
    """As `nearest`, in the order of k-reciprocal re-ranking.

    Args:
        queries: floating point [Q, D].
        segments: float32 or float16 [n, D] each.
        depth: how many to list.
        settings: of the re-ranking.
        candidates: None re-ranks all queries together among all rows; a number, each by itself
            among so many nearest.
        threads: None for MGN_FAST_THREADS or all cores.

    Returns:
        K places for each query, and re-ranked distances.

    Raises:
        InvalidInputError: as for `nearest`; more memory needed than there is.
    """
    depth = whole_number("depth", depth, 1)
    if candidates is None:
        queries = checked_queries(queries, segments[0].shape[1])
        return _reranked_all(queries, segments, depth, settings, threads)
    first = nearest(queries, segments, checked_candidates(candidates, depth), threads)
    rows = np.ascontiguousarray(queries, np.float32)
    chosen = [
        reranked_among(row, places, segments, depth, settings, threads)
        for row, places in zip(rows, first.indices, strict=True)
    ]
    return Ranking(np.stack([c.indices for c in chosen]), np.stack([c.distances for c in chosen]))


def checked_queries(queries: AnyArray, width: int) -> F32Array:
    """Queries as the core takes them: float32 [Q, D], C order.

    Args:
        queries: floating point [Q, D].
        width: of the gallery's embeddings.

    Returns:
        A copy only where one is needed.

    Raises:
        InvalidInputError: not two-dimensional, of another width, or not finite.
    """
    rows = checked_rows("queries", queries)
    if rows.shape[1] != width:
        raise InvalidInputError(
            f"queries is {rows.shape[1]} wide and the gallery {width}, expected the same width; "
            "embeddings of different models cannot be compared"
        )
    return np.ascontiguousarray(rows, np.float32)


def reranked_among(
    query: F32Array,
    places: AnyArray,
    segments: Sequence[AnyArray],
    depth: int,
    settings: RerankSettings,
    threads: int | None,
) -> Ranking:
    """Some of the gallery's places, in the order of re-ranking the query among them alone.

    Args:
        query: float32 [D].
        places: of the pictures, ascending or not.
        segments: [n, D] each.
        depth: how many to list.
        settings: of the re-ranking.
        threads: None for MGN_FAST_THREADS or all cores.

    Returns:
        indices and distances [K].

    Raises:
        InvalidInputError: more memory needed than there is.
    """
    found = _reranked_all(query[None], [gathered(segments, places)], depth, settings, threads)
    return Ranking(places[found.indices[0]], found.distances[0])


def gathered(segments: Sequence[AnyArray], places: AnyArray) -> F32Array:
    """The rows at some places, numbered through all segments, copied as float32 [K, D]."""
    starts = np.cumsum([0, *map(len, segments)])
    numbers = np.searchsorted(starts, places, side="right") - 1
    rows = [segments[n][p - starts[n]] for n, p in zip(numbers, places, strict=True)]
    return np.asarray(np.stack(rows), np.float32)


def all_rows(segments: Sequence[AnyArray]) -> F32Array:
    """All rows of some segments as float32 [N, D], one behind another; no copy of one float32."""
    if len(segments) == 1:
        return np.asarray(segments[0], np.float32)
    return np.concatenate([np.asarray(segment, np.float32) for segment in segments])


def _reranked_all(
    queries: F32Array,
    segments: Sequence[AnyArray],
    depth: int,
    settings: RerankSettings,
    threads: int | None,
) -> Ranking:
    count, width = sum(map(len, segments)), segments[0].shape[1]
    # The rows as float32 and all distances are held besides what re-ranking itself takes.
    work = Work(len(queries), count, width, thread_count(threads), k1=settings.k1, k2=settings.k2)
    work = replace(work, besides=4 * (count * width + work.pairs))
    among = replace(work, gallery=min(count, 1000), besides=0)
    remedies = [("pass candidates=1000", needed_bytes(among))]
    require_room(f"re-ranking among {count} pictures", work, remedies)
    distances = rerank(
        queries,
        all_rows(segments),
        k1=settings.k1,
        k2=settings.k2,
        original_weight=settings.original_weight,
        variant=settings.variant,
        threads=threads,
    )
    order = np.argsort(distances, axis=1, kind="stable")[:, :depth]
    return Ranking(order.astype(np.int32), np.take_along_axis(distances, order, axis=1))
