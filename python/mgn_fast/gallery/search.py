# SPDX-License-Identifier: Apache-2.0
"""The nearest rows of a gallery's segments, exactly, and re-ranked. Knows no files and no names."""

from __future__ import annotations

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
from mgn_fast.types import AnyArray, F32Array


@dataclass(frozen=True, eq=False)
class GalleryRanking(Ranking):
    """The nearest pictures of each query with their names, nearest first.

    Attributes:
        indices: int32 [Q, K], places in the gallery.
        distances: float32 [Q, K]; Euclidean, or re-ranked where that was asked for.
        names: K for each query.
    """

    names: tuple[tuple[str, ...], ...]


def nearest(
    queries: AnyArray, segments: Sequence[AnyArray], depth: int, threads: int | None
) -> Ranking:
    """The nearest rows of each query, by float64 Euclidean distance; ties keep the rows' order.

    Args:
        queries: floating point [Q, D].
        segments: float32 or float16 [n, D] each, numbered one after another.
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
    _core.scan_nearest(rows, list(segments), 0, indices, squares, threads)
    return Ranking(indices, np.sqrt(squares).astype(np.float32))


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
    rows = np.concatenate([np.asarray(segment, np.float32) for segment in segments])
    distances = rerank(
        queries,
        rows,
        k1=settings.k1,
        k2=settings.k2,
        original_weight=settings.original_weight,
        variant=settings.variant,
        threads=threads,
    )
    order = np.argsort(distances, axis=1, kind="stable")[:, :depth]
    return Ranking(order.astype(np.int32), np.take_along_axis(distances, order, axis=1))
