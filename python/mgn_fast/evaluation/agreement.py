# SPDX-License-Identifier: Apache-2.0
"""How alike two models' embeddings of the same pictures are, and how unlike those of one model.

Arrays only: knows neither models nor pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mgn_fast.errors import InvalidInputError
from mgn_fast.evaluation.distances import rank
from mgn_fast.types import F32Array, F64Array, I32Array

# Pictures among which the median cosine is measured: all their pairs are a quarter of a million.
MAX_COMPARED = 512


@dataclass(frozen=True)
class Agreement:
    """Two sets of embeddings compared row by row.

    Attributes:
        num_pictures: rows compared.
        cosine_min: of the pair of rows that is farthest apart.
        cosine_mean: over all rows.
        relative_error_max: the largest length of a difference over the reference's length.
        relative_error_mean: over all rows.
        farthest: the row with the smallest cosine, the first of equal ones.
    """

    num_pictures: int
    cosine_min: float
    cosine_mean: float
    relative_error_max: float
    relative_error_mean: float
    farthest: int


def compare(reference: F32Array, candidate: F32Array) -> Agreement:
    """Cosines and relative errors between each row of one set and the same row of another.

    Cosines are taken from the difference of the unit rows, so that they are exact near 1.

    Args:
        reference: float32 [N, D], no row of zeros.
        candidate: float32 [N, D], likewise.

    Returns:
        The agreement.

    Raises:
        InvalidInputError: shapes that differ, or nothing to compare.

    Example:
        Of two rows one is the same, the other turned by a right angle:

        >>> rows = np.array([[3, 4], [1, 0]], np.float32), np.array([[3, 4], [0, 1]], np.float32)
        >>> found = compare(*rows)
        >>> found.cosine_min, found.cosine_mean, round(found.relative_error_max, 4), found.farthest
        (0.0, 0.5, 1.4142, 1)
    """
    if reference.shape != candidate.shape or reference.ndim != 2 or reference.size == 0:
        raise InvalidInputError(
            f"reference has shape {reference.shape} and candidate {candidate.shape}, expected the "
            "same [N, D] with at least one row"
        )
    wide = reference.astype(np.float64), candidate.astype(np.float64)
    errors = _lengths(wide[1] - wide[0]) / _lengths(wide[0])
    cosines = 1 - np.square(_unit(wide[1]) - _unit(wide[0])).sum(axis=1) / 2
    return Agreement(
        num_pictures=len(reference),
        cosine_min=float(cosines.min()),
        cosine_mean=float(cosines.mean()),
        relative_error_max=float(errors.max()),
        relative_error_mean=float(errors.mean()),
        farthest=int(cosines.argmin()),
    )


def nearest_others(embeddings: F32Array) -> I32Array:
    """The nearest other picture of the same set, for each picture; of equally near ones the first.

    Args:
        embeddings: float32 [N, D], at least two rows.

    Returns:
        int32 [N].

    Raises:
        InvalidInputError: fewer than two rows.
    """
    if len(embeddings) < 2:
        raise InvalidInputError(f"embeddings has {len(embeddings)} rows, expected at least two")
    nearest = rank(embeddings, embeddings, depth=2).indices
    is_itself = nearest[:, 0] == np.arange(len(embeddings))
    # A picture's twin may stand before it; then the twin is the nearest other one.
    return np.where(is_itself, nearest[:, 1], nearest[:, 0]).astype(np.int32)


def median_cosine(embeddings: F32Array, person: npt.NDArray[Any] | None = None) -> float | None:
    """The median cosine between pictures of different persons; near 1 the model tells none apart.

    Args:
        embeddings: float32 [N, D]; of more than 512 rows as many are taken, evenly spread.
        person: integers [N]; None takes every picture for a different person.

    Returns:
        In [-1, 1]; None where no two pictures differ in person.

    Example:
        Pairs 0-2 and 1-2 are of different persons, at right angles and at 45 degrees:

        >>> rows = np.array([[1, 0], [1, 1], [0, 1]], np.float32)
        >>> round(median_cosine(rows, np.array([7, 7, 8])), 4)
        0.3536
    """
    chosen = spread(len(embeddings), MAX_COMPARED)
    rows = _unit(embeddings[chosen].astype(np.float64))
    first, second = np.triu_indices(len(rows), 1)
    if person is not None:
        persons = np.asarray(person)[chosen]
        differ = persons[first] != persons[second]
        first, second = first[differ], second[differ]
    if len(first) == 0:
        return None
    cosines = (rows @ rows.T)[first, second]
    return float(np.median(np.clip(cosines, -1, 1)))


def spread(count: int, most: int) -> I32Array:
    """At most `most` indices spread evenly over `count` items: int32, ascending, all different."""
    if count <= most:
        return np.arange(count, dtype=np.int32)
    return np.linspace(0, count - 1, most).astype(np.int32)


def _lengths(rows: F64Array) -> F64Array:
    lengths: F64Array = np.sqrt(np.square(rows).sum(axis=1))
    return lengths


def _unit(rows: F64Array) -> F64Array:
    return rows / _lengths(rows)[:, None]
