# SPDX-License-Identifier: Apache-2.0
"""Embeddings as callers have them, as checked rows; and what must be said of such rows.

Takes what holds floating-point rows: NumPy's arrays, lists, PyTorch's tensors. Copies only what has
to change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

import numpy as np

from mgn_fast.errors import InvalidInputError
from mgn_fast.evaluation.sides import Sides
from mgn_fast.types import AnyArray, F32Array, F64Array

RowMetric = Literal["euclidean", "cosine"]

# Rows checked together: 8 MB of float32 at width 2048, and what is made of them stays in a cache.
_BLOCK_ROWS = 1024
# A row of length 1 in float16, of any width up to some thousands, stays within it.
_LENGTH_TOLERANCE = 1e-3


def as_array(name: str, embeddings: Any) -> AnyArray:
    """Embeddings as a NumPy array, unchecked; the caller's own memory where that is possible.

    Args:
        name: of the argument, for messages.
        embeddings: an array, lists, or a PyTorch tensor: on any device, with or without gradient,
            bfloat16 as well, which becomes float32.

    Returns:
        The array.

    Raises:
        InvalidInputError: a masked array, or what is no array of numbers.
    """
    if isinstance(embeddings, np.ma.MaskedArray):
        raise InvalidInputError(
            f"{name} is a masked array, and a masked number has no value to compare; pass "
            "`array.filled(...)`, or the rows without masked numbers"
        )
    try:
        if type(embeddings).__module__.partition(".")[0] == "torch":
            embeddings = _from_torch(embeddings)
        array = np.asarray(embeddings)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InvalidInputError(
            f"{name} is a {type(embeddings).__name__} that is no array of numbers: {error}"
        ) from error
    # NumPy itself has no bfloat16: others' arrays of it are known by its name alone.
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array


def both_as_arrays(query_embeddings: Any, gallery_embeddings: Any) -> tuple[AnyArray, AnyArray]:
    """Two sides by `as_array`; what is one object stays one, so that all against all is seen."""
    query = as_array("query_embeddings", query_embeddings)
    if gallery_embeddings is query_embeddings:
        return query, query
    return query, as_array("gallery_embeddings", gallery_embeddings)


def checked_rows(name: str, embeddings: Any) -> AnyArray:
    """Embeddings as an array [N, D], or the InvalidInputError that says what is wrong with them."""
    array = as_array(name, embeddings)
    if array.ndim != 2 or array.dtype not in (np.float16, np.float32, np.float64):
        raise InvalidInputError(
            f"{name} is {array.dtype} {array.shape}, expected float32 (or float16, float64) in two "
            "dimensions: one row per picture"
        )
    if array.size == 0:
        raise InvalidInputError(
            f"{name} has shape {array.shape}, expected at least one picture and one number each"
        )
    for part in _blocks(len(array)):
        finite = np.isfinite(array[part]).all(axis=1)
        if not finite.all():
            row = part.start + int(np.argmin(finite))
            value = array[row][~np.isfinite(array[row])][0]
            raise InvalidInputError(f"{name} has {value} in row {row}, expected finite numbers")
    return array


def scaled_to_length_1(name: str, rows: AnyArray) -> F32Array:
    """Rows of length 1 in the same directions, computed in float64.

    Args:
        name: of the argument, for messages.
        rows: floating point [N, D], finite.

    Returns:
        float32 [N, D].

    Raises:
        InvalidInputError: a row of zeros, which has no direction.
    """
    scaled = np.empty(rows.shape, np.float32)
    for part in _blocks(len(rows)):
        scaled[part] = unit_block(name, rows[part].astype(np.float64), part.start)
    return scaled


def unit_block(name: str, block: F64Array, first_row: int) -> F64Array:
    """A block of rows scaled to length 1, float64; as `scaled_to_length_1`."""
    # Divided by the largest element first, so that no square leaves float64's range.
    largest = np.abs(block).max(axis=1, keepdims=True)
    if not largest.all():
        row = first_row + int(np.argmin(largest))
        raise InvalidInputError(f"{name} has only zeros in row {row}, expected a direction")
    scaled = block / largest
    return np.asarray(scaled / np.sqrt(np.square(scaled).sum(axis=1, keepdims=True)))


def num_converted(sides: Iterable[AnyArray], metric: RowMetric) -> int:
    """Number of rows that are copied to be compared: scaled, or not float32 in C order."""
    return sum(
        len(side)
        for side in sides
        if metric != "euclidean" or side.dtype != np.float32 or not side.flags.c_contiguous
    )


def notes_on_lengths(squares: tuple[F64Array, F64Array], metric: RowMetric) -> Iterator[str]:
    """What a reader must know of how rows were compared, as sentences.

    Args:
        squares: squared lengths of both sides' rows as they are compared.
        metric: by which they are.

    Yields:
        At most one sentence.
    """
    if metric == "cosine":
        yield "rows were scaled to length 1 (metric 'cosine')"
        return
    lengths = np.sqrt(np.concatenate(squares))
    low, high = float(lengths.min()), float(lengths.max())
    if low < 1 - _LENGTH_TOLERANCE or high > 1 + _LENGTH_TOLERANCE:
        yield (
            f"rows are {low:.3g} to {high:.3g} long and compared as they are (metric 'euclidean'; "
            "'cosine' scales them to length 1)"
        )


def num_at_distance_0(
    rows: tuple[F32Array, F32Array], squares: tuple[F64Array, F64Array], sides: Sides
) -> int:
    """Number of queries with a gallery picture of an equal embedding that stays in their ranking.

    Args:
        rows: of queries and gallery, float32 [Q, D] and [G, D].
        squares: their squared lengths: equal rows have equal ones, few others do.
        sides: who leaves whose ranking.

    Returns:
        0 to Q.
    """
    shared = np.flatnonzero(np.isin(squares[0], squares[1]))
    if len(shared) == 0:
        return 0
    places: dict[bytes, list[int]] = {}
    for column in np.flatnonzero(np.isin(squares[1], squares[0][shared])).tolist():
        places.setdefault(_content(rows[1][column]), []).append(column)
    found = 0
    for query in shared.tolist():
        columns = places.get(_content(rows[0][query]))
        found += columns is not None and not sides.leave(query, np.array(columns)).all()
    return found


def note_on_distance_0(count: int, num_queries: int) -> Iterator[str]:
    """The sentence on queries at distance 0 of a gallery picture; none where there are none."""
    if count:
        yield (
            f"{count:,} of {num_queries:,} queries have a gallery picture at distance 0, such as a "
            "copy of the same picture"
        )


def _from_torch(tensor: Any) -> AnyArray:
    tensor = tensor.detach()
    if str(tensor.dtype) == "torch.bfloat16":
        tensor = tensor.float()
    array: AnyArray = tensor.cpu().numpy()
    return array


def _content(row: F32Array) -> bytes:
    return (row + np.float32(0)).tobytes()  # which makes -0 and 0 one


def _blocks(count: int) -> Iterator[slice]:
    for start in range(0, count, _BLOCK_ROWS):
        yield slice(start, min(count, start + _BLOCK_ROWS))
