# SPDX-License-Identifier: Apache-2.0
"""k-reciprocal re-ranking in memory proportional to the pictures, not to their square.

Every pair of pictures is multiplied once, block by block; the core keeps the nearest pictures of
each and works on sparse vectors from there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from mgn_fast import _core
from mgn_fast.common.checks import one_of, share, whole_number
from mgn_fast.common.progress import Progress, no_progress
from mgn_fast.common.threads import thread_count
from mgn_fast.errors import InvalidInputError
from mgn_fast.evaluation.distances import (
    EmbeddingSet,
    Metric,
    checked_sets,
    row_blocks,
    screened_blocks,
)
from mgn_fast.evaluation.memory_plan import Work, needed_bytes, require_room
from mgn_fast.evaluation.neighbours import ENCODED_ROWS, NeighbourFinder
from mgn_fast.types import ArrayLike, F32Array

Variant = Literal["reid-mgn", "zhong2017"]

# Rounding of float32 unit rows stays far below this; only rows that are much longer exceed it.
_LARGEST_EXCESS = 1e-4
# A picture whose largest distance is below this share of its own squared length is settled in
# float64: a product's rounding, some 4e-7 of that length, would stay above the 1e-6 we promise.
_CLOSE = 0.02


@dataclass(frozen=True)
class RerankSettings:
    """The parameters of re-ranking: those of `rerank`, checked.

    Attributes:
        k1: size of a picture's neighbourhood.
        k2: size of the neighbourhood that vectors are averaged over.
        original_weight: share of the original distance in the result, 0 to 1.
        variant: "reid-mgn" or "zhong2017".
    """

    k1: int = 20
    k2: int = 6
    original_weight: float = 0.3
    variant: Variant = "reid-mgn"

    def __post_init__(self) -> None:
        object.__setattr__(self, "k1", whole_number("k1", self.k1, 1))
        object.__setattr__(self, "k2", whole_number("k2", self.k2, 1))
        share("original_weight", self.original_weight)
        one_of("variant", self.variant, get_args(Variant))

    @property
    def metric(self) -> Metric:
        """The core's name of the original distance: "unit_rows" or "squared_distance"."""
        return "unit_rows" if self.variant == "reid-mgn" else "squared_distance"

    @property
    def squared_again(self) -> bool:
        """True if the variant squares the original distance once more."""
        return self.variant == "zhong2017"


def rankings(rerank: RerankSettings | None) -> dict[str, RerankSettings | None]:
    """What is evaluated, by the name its report bears: distances as they are, and re-ranked ones.

    Args:
        rerank: how to re-rank; None for the distances as they are alone.

    Returns:
        For each how it re-ranks, as `measure_embeddings` takes it.
    """
    return {"plain": None} | ({} if rerank is None else {"re-ranked": rerank})


def rerank(
    query_embeddings: ArrayLike,
    gallery_embeddings: ArrayLike,
    *,
    k1: int = 20,
    k2: int = 6,
    original_weight: float = 0.3,
    variant: Variant = "reid-mgn",
    threads: int | None = None,
    out: F32Array | None = None,
) -> F32Array:
    """Distances from queries to gallery after k-reciprocal re-ranking.

    Each result is (1 - original_weight) * Jaccard distance + original_weight * original distance,
    the original one divided by the picture's largest over queries and gallery together (by nothing
    where that is 0: all pictures equal). Neighbours are ordered by float64 distance and, where that
    is equal, by position, queries before gallery. Lists that would be longer than the number of
    pictures end there, so that k1 and k2 may exceed it. Half of k1 rounds to the even neighbour.
    Variants differ in the original distance: "reid-mgn" takes 2 - 2 a.b, meant for unit rows;
    "zhong2017" takes the squared Euclidean distance and squares it again.

    Args:
        query_embeddings: float32 [Q, D]; float16 and float64 are converted to it.
        gallery_embeddings: float32 [G, D], likewise.
        k1: size of a picture's neighbourhood, at least 1.
        k2: size of the neighbourhood that vectors are averaged over, at least 1; 1 leaves them.
        original_weight: 0 to 1.
        variant: "reid-mgn", the recipe's, or "zhong2017", torchreid's.
        threads: to compute with; None for MGN_FAST_THREADS or all cores.
        out: float32 [Q, G] to write to, a memory map for instance; None for a new array.

    Returns:
        float32 [Q, G], smaller is closer; `out` if it was given.

    Raises:
        InvalidInputError: embeddings not two-dimensional floating point, empty, of different
            widths, with a NaN or an infinity; rows far from unit length where the variant needs
            it; an option outside its range; an `out` that does not fit; more memory needed than
            there is.

    Source:
        Zhong et al., Re-ranking Person Re-identification with k-reciprocal Encoding, CVPR 2017, as
        programs compute it: neighbourhoods of k1 besides the picture itself, float32 results.
    """
    settings = RerankSettings(k1, k2, original_weight, variant)
    threads = thread_count(threads)
    query, gallery = checked_sets(query_embeddings, gallery_embeddings, threads)
    work = Work(len(query), len(gallery), query.values.shape[1], threads, k1=settings.k1)
    work = replace(work, k2=settings.k2, besides=0 if out is not None else 4 * work.pairs)
    remedies = [("pass out, a memory map", needed_bytes(replace(work, besides=0)))]
    require_room(f"re-ranking with k1={settings.k1}, k2={settings.k2}", work, remedies)
    result = _checked_out(out, (len(query), len(gallery)))
    for rows, block in reranked_blocks(query, gallery, settings, threads):
        result[rows] = block
    return result


def reranked_blocks(
    query: EmbeddingSet,
    gallery: EmbeddingSet,
    settings: RerankSettings,
    threads: int,
    progress: Progress = no_progress,
) -> Iterator[tuple[slice, F32Array]]:
    """Re-ranked distances of a few queries at a time.

    Args:
        query: checked embeddings.
        gallery: checked embeddings.
        settings: how to re-rank.
        threads: of the core.
        progress: is told how far the work is.

    Yields:
        The queries' range and float32 [B, G], which the next block overwrites.

    Raises:
        InvalidInputError: rows far from unit length where the variant needs it.
    """
    work = Work(len(query), len(gallery), query.values.shape[1], threads)
    shape = (work.queries, work.gallery)
    kept = np.empty(shape, np.float32) if work.keeps_distances else None
    encoding, scale = _encode(query, gallery, settings, threads, kept, progress)
    for rows, distances in _query_blocks(query, gallery, settings.metric, threads, kept):
        _settle_close(query.part(rows), gallery, scale[rows], settings, distances, threads)
        _normalise(distances, scale[rows], settings)
        encoding.blend(distances, rows.start, float(settings.original_weight), threads)
        yield rows, distances
        progress("re-ranking", rows.stop, len(query))


def _query_blocks(
    query: EmbeddingSet,
    gallery: EmbeddingSet,
    metric: Metric,
    threads: int,
    kept: F32Array | None,
) -> Iterator[tuple[slice, F32Array]]:
    """Distances of a few queries at a time, which the caller may write to."""
    if kept is None:
        for rows, distances, _ in screened_blocks(query, gallery, metric, threads):
            yield rows, distances
    else:
        for rows in row_blocks(*kept.shape):
            yield rows, kept[rows]


def _encode(
    query: EmbeddingSet,
    gallery: EmbeddingSet,
    settings: RerankSettings,
    threads: int,
    kept: F32Array | None,
    progress: Progress,
) -> tuple[_core.Encoding, F32Array]:
    """The sparse vectors of all pictures, and what each picture's distances are divided by.

    Distances from queries to gallery are written to `kept` on the way, if it is given.
    """
    count = len(query) + len(gallery)
    depth = min(max(settings.k1 + 1, settings.k2), count)
    finder = NeighbourFinder(query, gallery, settings.metric, depth, threads, progress)
    nearest, distances, largest = finder.find(kept)
    del finder
    scale = _checked_scale(largest, settings)
    near = _core.Neighbourhood(
        nearest,
        distances,
        scale,
        query.values,
        gallery.values,
        settings.metric,
        settings.squared_again,
    )
    # From a k1 of all pictures on, all are in every set and half of k1 decides nothing.
    k1, k2 = min(settings.k1, count), min(settings.k2, count)
    encoding = _core.Encoding(len(query), len(gallery), k1, k2)
    steps = [encoding.relate, encoding.encode] + [encoding.expand] * (settings.k2 > 1)
    for number, step in enumerate(steps):
        for start in range(0, count, ENCODED_ROWS):
            end = min(count, start + ENCODED_ROWS)
            step(near, start, end, threads)
            progress("encoding", number * count + end, len(steps) * count)
    encoding.index()
    return encoding, scale


def _settle_close(
    rows: EmbeddingSet,
    gallery: EmbeddingSet,
    scale: F32Array,
    settings: RerankSettings,
    distances: F32Array,
    threads: int,
) -> None:
    """Recomputes in float64 the rows where everything lies close and float32 is mostly rounding."""
    for row in np.flatnonzero(np.abs(scale) < _CLOSE * rows.squares):
        _core.exact_distances(
            rows.values[row : row + 1],
            gallery.values,
            distances[row : row + 1],
            settings.metric,
            threads,
        )


def _normalise(distances: F32Array, scale: F32Array, settings: RerankSettings) -> None:
    # Divided first: squares of very long or short rows would leave float32's range.
    np.divide(distances, scale[:, None], out=distances)
    if settings.squared_again:
        np.square(distances, out=distances)


def _checked_scale(largest: F32Array, settings: RerankSettings) -> F32Array:
    if not settings.squared_again and largest.min() < -_LARGEST_EXCESS:
        row = int(largest.argmin())
        raise InvalidInputError(
            f"picture {row} (queries first, then gallery) has a dot product of at least "
            f"{1.0 - float(largest[row]) / 2.0:.4g} with every picture, expected rows of length 1; "
            "divide each row by its length, or pass variant='zhong2017'"
        )
    return np.where(largest == 0.0, np.float32(1.0), largest)


def _checked_out(out: F32Array | None, shape: tuple[int, int]) -> F32Array:
    if out is None:
        return np.empty(shape, np.float32)
    if not isinstance(out, np.ndarray) or out.dtype != np.float32 or out.shape != shape:
        found = f"{out.dtype} {out.shape}" if isinstance(out, np.ndarray) else repr(type(out))
        raise InvalidInputError(f"out is {found}, expected float32 {shape}")
    if not out.flags.writeable:
        raise InvalidInputError(f"out is a read-only float32 {shape}, expected a writable one")
    return out
