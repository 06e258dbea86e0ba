# SPDX-License-Identifier: Apache-2.0
"""Embeddings taken part by part: which parts of the body made two pictures close.

Knows nothing of how it is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mgn_fast.errors import InvalidInputError
from mgn_fast.models.contract import MGN_PARTS, Part
from mgn_fast.models.parts import BodyPart, body_parts
from mgn_fast.types import AnyArray


@dataclass(frozen=True)
class PartComparison:
    """The similarity of two pictures in each part of their embeddings.

    Attributes:
        contributions: what each part adds to the similarity of the two; they sum to it.
        cosines: of the angle between the two in this part alone, -1 to 1; 0 where a part of either
            is all zeros.
        parts: which parts these are, in the same order.
    """

    contributions: tuple[float, ...]
    cosines: tuple[float, ...]
    parts: tuple[BodyPart, ...]

    @property
    def similarity(self) -> float:
        """The cosine of the whole embeddings, -1 to 1 but for rounding."""
        return sum(self.contributions)


def compare_parts(
    query: AnyArray, gallery: AnyArray, parts: Sequence[Part] = MGN_PARTS
) -> tuple[PartComparison, ...]:
    """The similarity of one picture to others, part by part.

    The similarity of two unit rows is the sum of the parts' dot products: those are the
    contributions. Rows of other lengths are taken as if divided by them. Computed in float64.

    Args:
        query: floating point [D], one embedding.
        gallery: floating point [N, D].
        parts: names and widths of the embedding's parts in its order, D wide together: the
            `parts` of its contract, by default MGN's eight.

    Returns:
        One comparison for each row of `gallery`.

    Raises:
        InvalidInputError: rows that are not as wide as the parts together, or without length.

    Source:
        Wang et al., Learning Discriminative Features with Multiple Granularities for Person
        Re-Identification, ACM MM 2018: the embedding is the parts' concatenation.
    """
    one, many = np.asarray(query), np.asarray(gallery)
    ends = np.cumsum([width for _, width in parts])
    width = int(ends[-1]) if len(ends) else 0
    if not width or one.shape != (width,) or many.ndim != 2 or many.shape[1] != width:
        raise InvalidInputError(
            f"query has shape {one.shape} and gallery {many.shape}, and their {len(parts)} parts "
            f"are {width} wide together; expected ({width},) and (N, {width}), or other parts"
        )
    left, right = one.astype(np.float64)[None], many.astype(np.float64)
    starts = [0, *ends[:-1]]
    dots = np.add.reduceat(left * right, starts, axis=1)
    squares = [np.add.reduceat(rows**2, starts, axis=1) for rows in (left, right)]
    lengths = np.sqrt(squares[0].sum(axis=1) * squares[1].sum(axis=1))
    if not lengths.all():
        raise InvalidInputError("an embedding is all zeros, expected one with a direction")
    part_lengths = np.sqrt(squares[0] * squares[1])
    cosines = np.divide(dots, part_lengths, out=np.zeros_like(dots), where=part_lengths > 0)
    contributions = dots / lengths[:, None]
    known = body_parts(parts)
    return tuple(
        PartComparison(tuple(adds), tuple(angles), known)
        for adds, angles in zip(contributions.tolist(), cosines.tolist(), strict=True)
    )
