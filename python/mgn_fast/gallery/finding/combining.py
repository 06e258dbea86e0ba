# SPDX-License-Identifier: Apache-2.0
"""Several embeddings as one: those of one person, and a query with what it found.

Knows rows only. All rows count alike, whatever their length, and results have length 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mgn_fast.errors import InvalidInputError
from mgn_fast.evaluation.rows import checked_rows, unit_block
from mgn_fast.types import AnyArray, F32Array


def mean_embedding(embeddings: AnyArray) -> F32Array:
    """One embedding of several pictures of one person: the mean of their directions.

    Each row is divided by its length, so that all pictures count alike; so is the mean.

    Args:
        embeddings: floating point [N, D], at least one row.

    Returns:
        float32 [D] of length 1. Of one row it is that row, divided by its length.

    Raises:
        InvalidInputError: not two-dimensional floating point, empty, with a NaN or an infinity; a
            row without direction; or rows that cancel each other out.

    Source:
        Zheng et al., Scalable Person Re-identification: A Benchmark, ICCV 2015, whose "multiple
        queries" average the descriptors of one person's pictures.

    Example:
        >>> from mgn_fast.gallery import mean_embedding
        >>> mean_embedding([[2.0, 0.0], [0.0, 1.0]]).astype(float).round(4).tolist()
        [0.7071, 0.7071]
    """
    rows = checked_rows("embeddings", embeddings).astype(np.float64)
    directions = unit_block("embeddings", rows, 0)
    return _direction(directions.mean(axis=0), f"{len(rows)} embeddings")


def expand_queries(queries: AnyArray, found: Sequence[AnyArray]) -> F32Array:
    """Queries, each averaged with what it found: what a search is repeated with.

    Args:
        queries: floating point [Q, D].
        found: for each query floating point [N, D], the nearest pictures' embeddings; no rows
            leave the query as it is.

    Returns:
        float32 [Q, D], rows of length 1: the mean of the directions of a query and of what it
        found, all with one weight.

    Raises:
        InvalidInputError: as for `mean_embedding`; not one array for each query, or of another
            width.

    Source:
        Chum et al., Total Recall: Automatic Query Expansion with a Generative Feature Model for
        Object Retrieval, ICCV 2007: average query expansion.
    """
    rows = checked_rows("queries", queries)
    if len(found) != len(rows):
        raise InvalidInputError(
            f"found has {len(found)} entries for {len(rows)} queries, expected one each"
        )
    expanded = np.empty(rows.shape, np.float32)
    for at, (row, near) in enumerate(zip(rows, found, strict=True)):
        pictures = np.asarray(near)
        if pictures.ndim != 2 or pictures.shape[1] != rows.shape[1]:
            raise InvalidInputError(
                f"found[{at}] is {pictures.dtype} {pictures.shape}, expected rows "
                f"{rows.shape[1]} wide, as the queries are"
            )
        expanded[at] = mean_embedding(np.concatenate([row[None], pictures]))
    return expanded


def _direction(mean: AnyArray, what: str) -> F32Array:
    length = float(np.sqrt(np.square(mean).sum()))
    if length < 1e-6:  # what is left is rounding
        raise InvalidInputError(
            f"{what} cancel each other out: their mean has length {length:.2g}, expected pictures "
            "of one person"
        )
    return np.asarray(mean / length, np.float32)
