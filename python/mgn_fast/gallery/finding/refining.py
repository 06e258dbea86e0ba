# SPDX-License-Identifier: Apache-2.0
"""What is asked of a search besides its depth: expanded queries, a threshold, pictures left out.

The same for every way of searching, which it calls. Knows rows, places and distances only.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np

from mgn_fast.common.checks import whole_number
from mgn_fast.errors import InvalidInputError
from mgn_fast.evaluation.report import Ranking
from mgn_fast.gallery.finding.combining import expand_queries
from mgn_fast.types import AnyArray


@dataclass(frozen=True, eq=False)
class Refinement:
    """What is asked of a search besides its depth.

    Attributes:
        expand: so many of the nearest are averaged with a query, which is searched with again.
        threshold: the largest Euclidean distance that is listed; None for no limit.
        left_out: for each query places that are not listed, such as its own picture's; None for
            nothing.

    Raises:
        InvalidInputError: a number outside its range.
    """

    expand: int = 0
    threshold: float | None = None
    left_out: Sequence[Collection[int]] | None = None

    def __post_init__(self) -> None:
        whole_number("expand", self.expand, 0)
        limit = self.threshold
        is_number = isinstance(limit, (int, float, np.floating)) and not isinstance(limit, bool)
        if limit is not None and not (is_number and 0 <= limit < np.inf):
            raise InvalidInputError(
                f"threshold is {limit!r}, expected a Euclidean distance: a number from 0 up"
            )


_FARTHEST = float(np.finfo(np.float32).max)

# A search for rows that lists so many.
Finder = Callable[[AnyArray, int], Ranking]


def refined(
    queries: AnyArray,
    depth: int,
    refinement: Refinement,
    find: Finder,
    *,
    find_plain: Finder | None = None,
    rows_at: Callable[[AnyArray], AnyArray],
) -> Ranking:
    """What a search finds under further conditions.

    A query is expanded by its nearest pictures that may be listed: those within the threshold and
    not left out. The threshold then holds for distances from the expanded query.

    Args:
        queries: floating point [Q, D], of the gallery's width.
        depth: how many to list.
        refinement: the conditions.
        find: the search.
        find_plain: by Euclidean distance, to expand by; None for `find` itself.
        rows_at: gives the rows at some places, [K, D].

    Returns:
        K places for each query, at most `depth`; -1 and infinity behind the last one found.

    Raises:
        InvalidInputError: not as many places to leave out as queries; what the searches raise.
    """
    depth = whole_number("depth", depth, 1)
    left_out = refinement.left_out
    if left_out is not None and len(left_out) != len(queries):
        raise InvalidInputError(
            f"left_out has {len(left_out)} entries for {len(queries)} queries, expected one each"
        )
    if refinement.expand:
        plain = _listed(find_plain or find, queries, refinement.expand, refinement)
        nothing = np.empty((0, queries.shape[1]))
        listed = [row[row >= 0] for row in plain.indices]
        near = [rows_at(places) if len(places) else nothing for places in listed]
        queries = expand_queries(queries, near)
    return _listed(find, queries, depth, refinement)


def _listed(find: Finder, queries: AnyArray, depth: int, refinement: Refinement) -> Ranking:
    """The first `depth` of what may be listed."""
    left_out, limit = refinement.left_out, refinement.threshold
    if left_out is None and limit is None:
        return find(queries, depth)
    found = find(queries, depth + max(map(len, left_out or [()]), default=0))
    stays = found.indices >= 0
    if limit is not None:
        # Rounded as distances are, so that a pair's own distance is within it.
        stays &= found.distances <= np.float32(min(limit, _FARTHEST))
    if left_out is not None:
        for row, places in zip(range(len(stays)), left_out, strict=True):
            stays[row] &= ~np.isin(found.indices[row], list(places))
    width = min(depth, found.indices.shape[1])
    order = np.argsort(~stays, axis=1, kind="stable")[:, :width]  # those that stay come first
    stays = np.take_along_axis(stays, order, axis=1)
    indices = np.take_along_axis(found.indices, order, axis=1)
    distances = np.take_along_axis(found.distances, order, axis=1)
    return Ranking(
        np.where(stays, indices, -1).astype(np.int32),
        np.where(stays, distances, np.inf).astype(np.float32),
    )
