# SPDX-License-Identifier: Apache-2.0
"""Distances, similarities and rankings of embeddings, block by block.

Checks embeddings for everything that ranks them, and owns the size of a block. A ranking is that of
the float64 distances: float32 products rule out what is far, the core settles the rest.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from mgn_fast import _core
from mgn_fast.common.checks import whole_number
from mgn_fast.common.threads import blas_threads, thread_count
from mgn_fast.errors import InvalidInputError
from mgn_fast.evaluation.report import Ranking
from mgn_fast.evaluation.rows import (
    RowMetric,
    checked_rows,
    scaled_to_length_1,
    unit_block,
)
from mgn_fast.types import AnyArray, ArrayLike, F32Array, F64Array

Metric = Literal["squared_distance", "unit_rows"]

# A block of 64 MB. Both products pack all columns again for every block: with OpenBLAS 256 rows
# took twice the time of 1024.
BLOCK_ELEMENTS = 1 << 24
BLOCK_ROWS = 1024
# NumPy sees an interrupt only between its products, so that none may take longer than about a
# second on a slow core: 2^29 products of two numbers are a billion operations.
PRODUCT_TERMS = 1 << 29
# Blocks of the triangle are squares of at most this, 4 MB: they stay in the outer cache from the
# product to the lists, and no more than a block's width in pictures is multiplied twice.
BLOCK_COLUMNS = 1024
# Squares of longer rows would leave float32's range, and no embedding is as long.
MAX_LENGTH = 1e15


@dataclass(frozen=True, eq=False)
class EmbeddingSet:
    """Checked embeddings, ready for the core.

    Attributes:
        values: float32 [N, D], C order, finite.
        squares: float64 [N], squared lengths.
        weights: float64 [N], by which the core bounds what its own products round; [0] where that
            is not wanted, or products are NumPy's.
    """

    values: F32Array
    squares: F64Array
    weights: F64Array = field(default_factory=lambda: np.empty(0))

    def __len__(self) -> int:
        return len(self.values)

    def part(self, rows: slice) -> EmbeddingSet:
        """The embeddings of a range of rows (step 1), not copied."""
        return EmbeddingSet(self.values[rows], self.squares[rows], self.weights[rows])

    def weighed(self, threads: int) -> EmbeddingSet:
        """The same with weights, where products are the core's: less has to be settled then."""
        if not _core.has_product():
            return self
        return replace(self, weights=_core.rounding_weights(self.values, threads))


def squared_distance(a: ArrayLike, b: ArrayLike) -> npt.NDArray[Any]:
    """Squared Euclidean distance from every row of one set to every row of another.

    Computed in float64 as |a|^2 + |b|^2 - 2 a.b, so that a pair of equal rows may come out as a
    rounding error instead of 0, but never below 0.

    Args:
        a: float32 [A, D]; float16 and float64 are taken as well.
        b: float32 [B, D], likewise.

    Returns:
        [A, B], float64 if either set is float64, otherwise float32.

    Raises:
        InvalidInputError: not two-dimensional floating point, empty, widths that differ, a NaN or
            an infinity.
    """
    a, b = _checked_two("a", a, "b", b)
    out = np.empty((len(a), len(b)), _result_type(a, b))
    for rows, columns, left, right in _float64_blocks(a, b):
        lengths = np.square(left).sum(axis=1)[:, None] + np.square(right).sum(axis=1)
        out[rows, columns] = np.maximum(lengths - 2.0 * (left @ right.T), 0.0)
    return out


def cosine_similarity(a: ArrayLike, b: ArrayLike) -> npt.NDArray[Any]:
    """Cosine of the angle between every row of one set and every row of another.

    Rows need not have unit length. Computed in float64.

    Args:
        a: float32 [A, D]; float16 and float64 are taken as well.
        b: float32 [B, D], likewise.

    Returns:
        [A, B] in [-1, 1]; larger is closer. float64 if either set is float64, otherwise float32.

    Raises:
        InvalidInputError: not two-dimensional floating point, empty, widths that differ, a NaN or
            an infinity, or a row of length 0, which has no direction.
    """
    a, b = _checked_two("a", a, "b", b)
    out = np.empty((len(a), len(b)), _result_type(a, b))
    for rows, columns, left, right in _float64_blocks(a, b):
        directions = unit_block("a", left, rows.start), unit_block("b", right, columns.start)
        out[rows, columns] = np.clip(directions[0] @ directions[1].T, -1.0, 1.0)
    return out


def rank(query_embeddings: ArrayLike, gallery_embeddings: ArrayLike, *, depth: int = 50) -> Ranking:
    """The nearest gallery pictures of each query, nearest first.

    Ranked by the float64 Euclidean distance between the float32 rows, whatever the CPU and the
    number of threads; equal distances keep gallery order.

    Args:
        query_embeddings: float32 [Q, D]; float16 and float64 are converted to it.
        gallery_embeddings: float32 [G, D], likewise.
        depth: how many to list for each query, at least 1; a smaller gallery is listed whole.

    Returns:
        A Ranking of K = min(depth, G) pictures per query.

    Raises:
        InvalidInputError: embeddings not two-dimensional floating point, empty, of different
            widths, with a NaN or an infinity; `depth` below 1.
    """
    threads = thread_count(None)
    places = whole_number("depth", depth, 1)
    query, gallery = checked_sets(query_embeddings, gallery_embeddings, threads)
    columns, squares = empty_lists(len(query), min(places, len(gallery)))
    for rows, _, screened in screened_blocks(query, gallery, "squared_distance", threads):
        _core.merge_nearest(screened, 0, columns[rows], squares[rows], threads)
    return Ranking(columns, np.sqrt(squares).astype(np.float32))


def empty_lists(rows: int, depth: int) -> tuple[npt.NDArray[np.int32], F64Array]:
    """Lists of neighbours with nothing in them yet, as the core's `merge_nearest` takes them.

    Args:
        rows: number of lists.
        depth: places in each.

    Returns:
        int32 [rows, depth] of -1, and float64 [rows, depth] of infinity.
    """
    return np.full((rows, depth), -1, np.int32), np.full((rows, depth), np.inf)


def screened_blocks(
    rows: EmbeddingSet,
    columns: EmbeddingSet,
    metric: Metric,
    threads: int,
    out: F32Array | None = None,
) -> Iterator[tuple[slice, F32Array, _core.Screened]]:
    """Float32 distances of a few rows at a time to all columns, with what settles them in float64.

    Args:
        rows: embeddings, B of them per block.
        columns: embeddings, all of them in every block.
        metric: "squared_distance", or "unit_rows" for 2 - 2 a.b.
        threads: of the core, and of NumPy's BLAS where that multiplies.
        out: float32 [len(rows), len(columns)] in C order, to keep all distances in; without it the
            next block overwrites the memory of this one.

    Yields:
        The rows' range, their distances float32 [B, len(columns)], and the core's `Screened` of
        both. The caller may write to the distances once it is done with that.
    """
    buffer, scratch = np.empty(0, np.float32), _core.Scratch()
    for part in row_blocks(len(rows), len(columns)):
        if out is not None:
            distances = out[part]
        else:
            size = (part.stop - part.start) * len(columns)
            if buffer.size < size:
                buffer = np.empty(size, np.float32)
            distances = buffer[:size].reshape(-1, len(columns))
        yield (
            part,
            distances,
            screen(rows.part(part), columns, distances, metric, scratch, threads),
        )


def screen(
    rows: EmbeddingSet,
    columns: EmbeddingSet,
    out: F32Array,
    metric: Metric,
    scratch: _core.Scratch,
    threads: int,
) -> _core.Screened:
    """Float32 distances of all rows to all columns, with what settles them in float64.

    Args:
        rows: embeddings.
        columns: embeddings.
        out: float32 [len(rows), len(columns)] in C order, to write the distances to.
        metric: "squared_distance", or "unit_rows" for 2 - 2 a.b.
        scratch: the core's memory to multiply in, best the same for many blocks.
        threads: of the core, which multiplies itself on CPUs it has a kernel for.

    Returns:
        The core's `Screened`, which settles these distances from the embeddings.
    """
    multiply(rows.values, columns.values, out, scratch, threads)
    squares, weights = (rows.squares, columns.squares), (rows.weights, columns.weights)
    return _core.screen_in_place(
        out, rows.values, columns.values, *squares, metric, threads, *weights
    )


def multiply(
    rows: F32Array, columns: F32Array, out: F32Array, scratch: _core.Scratch, threads: int
) -> None:
    """All dot products of two sets of rows, by the core where it has a kernel for this CPU."""
    if _core.has_product():
        _core.multiply(rows, columns, out, scratch, threads)
        return
    step = max(1, PRODUCT_TERMS // max(1, rows.size))
    with blas_threads(threads):
        for start in range(0, len(columns), step):
            part = slice(start, start + step)
            np.matmul(rows, columns[part].T, out=out[:, part])


def row_blocks(rows: int, columns: int) -> Iterator[slice]:
    """Consecutive ranges of `rows` rows, each with about as many elements as a block may have."""
    step = max(1, min(BLOCK_ROWS, BLOCK_ELEMENTS // max(1, columns)))
    for start in range(0, rows, step):
        yield slice(start, min(rows, start + step))


def checked_sets(
    query_embeddings: ArrayLike,
    gallery_embeddings: ArrayLike,
    threads: int,
    metric: RowMetric = "euclidean",
) -> tuple[EmbeddingSet, EmbeddingSet]:
    """Both sets as the core takes them; nothing is copied that is float32 in C order already.

    Args:
        query_embeddings: floating point [Q, D].
        gallery_embeddings: floating point [G, D].
        threads: to compute with.
        metric: "cosine" scales the rows to length 1, after which Euclidean distances rank as
            cosines do.

    Returns:
        Queries and gallery.

    Raises:
        InvalidInputError: as for `rank`, a row longer than MAX_LENGTH, or one of zeros that is to
            be scaled.
    """
    names = "query_embeddings", "gallery_embeddings"
    query, gallery = _checked_two(names[0], query_embeddings, names[1], gallery_embeddings)
    if metric == "cosine":
        query, gallery = (
            scaled_to_length_1(*side) for side in zip(names, (query, gallery), strict=True)
        )
    return _as_set(names[0], query, threads), _as_set(names[1], gallery, threads)


def checked_set(name: str, embeddings: AnyArray, threads: int) -> EmbeddingSet:
    """One set, as `checked_sets` gives two.

    Args:
        name: of the argument, for messages.
        embeddings: floating point [N, D].
        threads: to compute with.

    Returns:
        The set.

    Raises:
        InvalidInputError: as for `checked_sets`.
    """
    return _as_set(name, checked_rows(name, embeddings), threads)


def _as_set(name: str, embeddings: AnyArray, threads: int) -> EmbeddingSet:
    with np.errstate(over="ignore"):  # a row that overflows is refused below, by its length
        values = np.ascontiguousarray(embeddings, dtype=np.float32)
    squares = _core.squared_lengths(values, threads)
    if squares.max() > MAX_LENGTH**2:
        row = int(squares.argmax())
        raise InvalidInputError(
            f"{name} has length {np.sqrt(squares[row]):.3g} in row {row}, "
            f"expected at most {MAX_LENGTH:.0e}; scale the embeddings down"
        )
    return EmbeddingSet(values, squares)


def _checked_two(name_a: str, a: ArrayLike, name_b: str, b: ArrayLike) -> tuple[AnyArray, AnyArray]:
    a, b = checked_rows(name_a, a), checked_rows(name_b, b)
    if a.shape[1] != b.shape[1]:
        raise InvalidInputError(
            f"{name_a} is {a.shape[1]} wide and {name_b} {b.shape[1]}, expected the same width; "
            "embeddings of different models cannot be compared"
        )
    return a, b


def _result_type(a: AnyArray, b: AnyArray) -> npt.DTypeLike:
    return np.float64 if np.float64 in (a.dtype, b.dtype) else np.float32


def _float64_blocks(a: AnyArray, b: AnyArray) -> Iterator[tuple[slice, slice, F64Array, F64Array]]:
    # 512 at width 2048; a block of narrow rows is 32 MB.
    side = min(2048, max(1, math.isqrt(PRODUCT_TERMS // max(1, a.shape[1]))))
    for first in range(0, len(b), side):
        columns = slice(first, min(len(b), first + side))
        right = b[columns].astype(np.float64)
        for start in range(0, len(a), side):
            rows = slice(start, min(len(a), start + side))
            yield rows, columns, a[rows].astype(np.float64), right
