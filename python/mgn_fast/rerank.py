# SPDX-License-Identifier: Apache-2.0
"""k-reciprocal re-ranking in memory proportional to the pictures, not to their square.

Every pair of pictures is multiplied once, block by block; the core keeps the nearest pictures of
each and works on sparse vectors from there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from . import _core
from .distances import (
    EmbeddingSet,
    Metric,
    checked_sets,
    empty_lists,
    require_count,
    row_blocks,
    screen,
    screened_blocks,
)
from .errors import InvalidInputError
from .threads import thread_count
from .types import AnyArray, F32Array, F64Array, I32Array

Variant = Literal["reid-mgn", "zhong2017"]

# Rounding of float32 unit rows stays far below this; only rows that are much longer exceed it.
_LARGEST_EXCESS = 1e-4
# Rows of lists per call into the core: some milliseconds of work, so that an interrupt is seen.
_ENCODED_ROWS = 16384
# Distances from queries to gallery are needed twice, for the lists and for the result. Up to so
# many, 256 MB, they are kept in between; more are multiplied again.
_KEPT_ELEMENTS = 1 << 26
# Blocks of the triangle are squares of at most this, 4 MB: they stay in the outer cache from the
# product to the lists, and no more than a block's width in pictures is multiplied twice.
_BLOCK_COLUMNS = 1024


@dataclass(frozen=True)
class Settings:
    """How to re-rank: the arguments of `rerank`, checked.

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
        object.__setattr__(self, "k1", require_count("k1", self.k1))
        object.__setattr__(self, "k2", require_count("k2", self.k2))
        weight: Any = self.original_weight
        if not isinstance(weight, (int, float, np.number)) or not 0.0 <= float(weight) <= 1.0:
            raise InvalidInputError(f"original_weight is {weight!r}, expected a number from 0 to 1")
        if self.variant not in get_args(Variant):
            raise InvalidInputError(
                f"variant is {self.variant!r}, expected one of {get_args(Variant)}"
            )

    @property
    def metric(self) -> Metric:
        """What the core calls the original distance.

        Returns:
            "unit_rows" (2 - 2 a.b) or "squared_distance".
        """
        return "unit_rows" if self.variant == "reid-mgn" else "squared_distance"

    @property
    def squared_again(self) -> bool:
        """Whether the original distance is squared once more.

        Returns:
            True for the variant that does.
        """
        return self.variant == "zhong2017"


def rerank(
    query_embeddings: AnyArray,
    gallery_embeddings: AnyArray,
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
        threads: of the core; None for MGN_FAST_THREADS or all cores. BLAS has its own.
        out: float32 [Q, G] to write to, a memory map for instance; None for a new array.

    Returns:
        float32 [Q, G], smaller is closer; `out` if it was given.

    Raises:
        InvalidInputError: embeddings not two-dimensional floating point, empty, of different
            widths, with a NaN or an infinity; rows far from unit length where the variant needs
            it; an option outside its range; an `out` that does not fit.

    Source:
        Zhong et al., Re-ranking Person Re-identification with k-reciprocal Encoding, CVPR 2017, as
        programs compute it: neighbourhoods of k1 besides the picture itself, float32 results.
    """
    settings = Settings(k1, k2, original_weight, variant)
    workers = thread_count(threads)
    query, gallery = checked_sets(query_embeddings, gallery_embeddings, workers)
    result = _checked_out(out, (len(query), len(gallery)))
    for rows, block in reranked_blocks(query, gallery, settings, workers):
        result[rows] = block
    return result


def reranked_blocks(
    query: EmbeddingSet, gallery: EmbeddingSet, settings: Settings, workers: int
) -> Iterator[tuple[slice, F32Array]]:
    """Re-ranked distances of a few queries at a time.

    Args:
        query: checked embeddings.
        gallery: checked embeddings.
        settings: how to re-rank.
        workers: threads of the core.

    Yields:
        The queries' range and float32 [B, G], which the next block overwrites.

    Raises:
        InvalidInputError: rows far from unit length where the variant needs it.
    """
    shape = (len(query), len(gallery))
    kept = np.empty(shape, np.float32) if shape[0] * shape[1] <= _KEPT_ELEMENTS else None
    encoding, scale = _encode(query, gallery, settings, workers, kept)
    for rows, distances in _query_blocks(query, gallery, settings.metric, workers, kept):
        _normalise(distances, scale[rows], settings)
        encoding.blend(rows.start, distances, float(settings.original_weight), workers)
        yield rows, distances


def _query_blocks(
    query: EmbeddingSet,
    gallery: EmbeddingSet,
    metric: Metric,
    workers: int,
    kept: F32Array | None,
) -> Iterator[tuple[slice, F32Array]]:
    """Distances of a few queries at a time, which the caller may write to."""
    if kept is None:
        for rows, distances, _ in screened_blocks(query, gallery, metric, workers):
            yield rows, distances
    else:
        for rows in row_blocks(*kept.shape):
            yield rows, kept[rows]


def _encode(
    query: EmbeddingSet,
    gallery: EmbeddingSet,
    settings: Settings,
    workers: int,
    kept: F32Array | None,
) -> tuple[_core.Encoding, F32Array]:
    """The sparse vectors of all pictures, and what each picture's distances are divided by.

    Distances from queries to gallery are written to `kept` on the way, if it is given.
    """
    count = len(query) + len(gallery)
    depth = min(max(settings.k1 + 1, settings.k2), count)
    nearest, distances, largest = _nearest(query, gallery, settings.metric, depth, workers, kept)
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
    # From a k1 of all pictures on, everybody is in every set and half of k1 decides nothing.
    k1, k2 = min(settings.k1, count), min(settings.k2, count)
    encoding = _core.Encoding(len(query), len(gallery), k1, k2)
    for start in range(0, count, _ENCODED_ROWS):
        encoding.encode(near, start, min(count, start + _ENCODED_ROWS), workers)
    for start in range(0, count if settings.k2 > 1 else 0, _ENCODED_ROWS):
        encoding.expand(near, start, min(count, start + _ENCODED_ROWS), workers)
    encoding.index()
    return encoding, scale


def _nearest(
    query: EmbeddingSet,
    gallery: EmbeddingSet,
    metric: Metric,
    depth: int,
    workers: int,
    kept: F32Array | None,
) -> tuple[I32Array, F64Array, F32Array]:
    """Every picture's nearest ones, their float64 distances, and its largest float32 distance."""
    squares = query.squares, gallery.squares
    lists = _core.Neighbours(query.values, gallery.values, *squares, metric, depth)
    for first, pictures in ((0, query), (len(query), gallery)):
        for row, column, block in _triangle(pictures, metric, workers):
            lists.add(block, first + row, first + column, workers)
    for rows, block, _ in screened_blocks(query, gallery, metric, workers, kept):
        lists.add(block, rows.start, len(query), workers)
    count = len(query) + len(gallery)
    columns, distances = empty_lists(count, depth)
    largest = np.empty(count, np.float32)
    for start in range(0, count, _ENCODED_ROWS):
        part = slice(start, min(count, start + _ENCODED_ROWS))
        lists.settle(start, columns[part], distances[part], largest[part], workers)
    return columns, distances, largest


def _triangle(
    pictures: EmbeddingSet, metric: Metric, workers: int
) -> Iterator[tuple[int, int, F32Array]]:
    """First row, first column and distances of blocks that hold each pair of one set once.

    Those on the diagonal are square. The next block overwrites the memory.
    """
    scratch, buffer = _core.Scratch(), np.empty(0, np.float32)
    parts = list(row_blocks(len(pictures), _BLOCK_COLUMNS))
    for last, right in enumerate(parts):
        columns = pictures.part(right)
        for left in parts[: last + 1]:
            rows = pictures.part(left)
            size = len(rows) * len(columns)
            if buffer.size < size:
                buffer = np.empty(size, np.float32)
            block = buffer[:size].reshape(len(rows), len(columns))
            screen(rows, columns, block, metric, workers, scratch)
            yield left.start, right.start, block


def _normalise(distances: F32Array, scale: F32Array, settings: Settings) -> None:
    # Divided first: squares of very long or short rows would leave float32's range.
    np.divide(distances, scale[:, None], out=distances)
    if settings.squared_again:
        np.square(distances, out=distances)


def _checked_scale(largest: F32Array, settings: Settings) -> F32Array:
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
