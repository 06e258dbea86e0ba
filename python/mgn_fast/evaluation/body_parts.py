# SPDX-License-Identifier: Apache-2.0
"""MGN's embedding taken part by part: which parts of the body made two pictures close.

Knows nothing of how it is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mgn_fast.errors import InvalidInputError
from mgn_fast.models.contract import EMBEDDING_WIDTH
from mgn_fast.models.parts import PART_WIDTH, PARTS
from mgn_fast.types import AnyArray


@dataclass(frozen=True)
class PartComparison:
    """The similarity of two pictures in each part, in the order of `PARTS`.

    Attributes:
        contributions: what each part adds to the similarity of the two; they sum to it.
        cosines: of the angle between the two in this part alone, -1 to 1; 0 where a part of either
            is all zeros.
    """

    contributions: tuple[float, ...]
    cosines: tuple[float, ...]

    @property
    def similarity(self) -> float:
        """The cosine of the whole embeddings, -1 to 1 but for rounding."""
        return sum(self.contributions)


def compare_parts(query: AnyArray, gallery: AnyArray) -> tuple[PartComparison, ...]:
    """The similarity of one picture to others, part by part.

    The similarity of two unit rows is the sum of eight dot products of 256 numbers each: those are
    the contributions. Rows of other lengths are taken as if divided by them. Computed in float64.

    Args:
        query: floating point [2048], one embedding.
        gallery: floating point [N, 2048].

    Returns:
        One comparison for each row of `gallery`.

    Raises:
        InvalidInputError: other shapes: only MGN's embeddings have these parts; or a row without
            length.

    Source:
        Wang et al., Learning Discriminative Features with Multiple Granularities for Person
        Re-Identification, ACM MM 2018: the embedding is the parts' concatenation.
    """
    one, many = np.asarray(query), np.asarray(gallery)
    if one.shape != (EMBEDDING_WIDTH,) or many.ndim != 2 or many.shape[1] != EMBEDDING_WIDTH:
        raise InvalidInputError(
            f"query has shape {one.shape} and gallery {many.shape}, expected "
            f"({EMBEDDING_WIDTH},) and (N, {EMBEDDING_WIDTH}): only MGN's embeddings have parts"
        )
    left = one.astype(np.float64).reshape(1, len(PARTS), PART_WIDTH)
    right = many.astype(np.float64).reshape(len(many), len(PARTS), PART_WIDTH)
    dots = (left * right).sum(axis=2)
    squares = (left**2).sum(axis=2), (right**2).sum(axis=2)
    lengths = np.sqrt(squares[0].sum(axis=1) * squares[1].sum(axis=1))
    if not lengths.all():
        raise InvalidInputError("an embedding is all zeros, expected one with a direction")
    part_lengths = np.sqrt(squares[0] * squares[1])
    cosines = np.divide(dots, part_lengths, out=np.zeros_like(dots), where=part_lengths > 0)
    contributions = dots / lengths[:, None]
    return tuple(
        PartComparison(tuple(adds), tuple(angles))
        for adds, angles in zip(contributions.tolist(), cosines.tolist(), strict=True)
    )
