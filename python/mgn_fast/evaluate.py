# SPDX-License-Identifier: Apache-2.0
"""Mean average precision, CMC and mINP, from distances or straight from embeddings.

Owns the rules (who is junk, which queries count, what is refused); the core counts.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np

from . import _core
from .distances import checked_sets, require_count, row_blocks, screened_blocks
from .errors import InvalidInputError
from .rerank import Settings, reranked_blocks
from .threads import thread_count
from .types import AnyArray, F64Array, Identities, Report

PrecisionRule = Literal["sklearn", "hits", "market1501"]
SameCamera = Literal["drop", "keep"]


def evaluate(
    query_embeddings: AnyArray,
    gallery_embeddings: AnyArray,
    query: Identities,
    gallery: Identities,
    *,
    rerank: bool = False,
    k1: int = 20,
    k2: int = 6,
    original_weight: float = 0.3,
    max_rank: int = 50,
    ap: PrecisionRule = "sklearn",
    same_camera: SameCamera = "drop",
    threads: int | None = None,
) -> Report:
    """How well embeddings find each query's person in the gallery.

    Ranks by the float64 Euclidean distance between the float32 rows, whatever the CPU, the block
    and the number of threads, and never holds more than a block of distances. With `rerank` it
    ranks by the float32 distances of `mgn_fast.rerank`, variant "reid-mgn". The rules are those of
    `evaluate_distances`.

    Args:
        query_embeddings: float32 [Q, D]; float16 and float64 are converted to it.
        gallery_embeddings: float32 [G, D], likewise.
        query: person and camera of every query.
        gallery: person and camera of every gallery picture.
        rerank: whether to re-rank first. k1, k2 and original_weight are used only then.
        k1: as for `mgn_fast.rerank`.
        k2: as for `mgn_fast.rerank`.
        original_weight: as for `mgn_fast.rerank`.
        max_rank: entries of the report's cmc, at least 1.
        ap: definition of average precision.
        same_camera: "drop" or "keep" gallery pictures of the query's person by the query's camera.
        threads: of the core; None for MGN_FAST_THREADS or all cores. BLAS has its own.

    Returns:
        The report.

    Raises:
        InvalidInputError: embeddings not two-dimensional floating point, empty, of different
            widths, with a NaN or an infinity; identities that do not match them in number; an
            option outside its range; no query with a match.
    """
    settings = Settings(k1, k2, original_weight)
    workers = thread_count(threads)
    tally = _Tally(query, gallery, max_rank, ap, same_camera, workers)
    queries, pictures = checked_sets(query_embeddings, gallery_embeddings, workers)
    _require_same_number("query", len(query), "query_embeddings", len(queries))
    _require_same_number("gallery", len(gallery), "gallery_embeddings", len(pictures))
    if rerank:
        for rows, distances in reranked_blocks(queries, pictures, settings, workers):
            tally.add_distances(rows, distances)
    else:
        for rows, _, block in screened_blocks(queries, pictures, "squared_distance", workers):
            tally.add_screened(rows, block)
    return tally.report()


def evaluate_distances(
    distances: AnyArray,
    query: Identities,
    gallery: Identities,
    *,
    max_rank: int = 50,
    ap: PrecisionRule = "sklearn",
    same_camera: SameCamera = "drop",
) -> Report:
    """How well given distances find each query's person in the gallery.

    A match is a gallery picture of the query's person. With same_camera="drop", those taken by the
    query's own camera are junk instead, and leave the ranking before anything is counted; "keep"
    removes nothing. Equal distances keep gallery order. A query without a match counts nowhere.
    Infinite distances are taken, as farther (or nearer) than all others. cmc[k - 1] beyond the
    gallery's size repeats the last value.

    Average precision, for matches at ranks r_1 < ... < r_M, is by `ap`:
      "hits": the mean over j of j / r_j;
      "market1501": the mean over j of (j / r_j + (j - 1) / (r_j - 1)) / 2, the second term 1 where
        r_j is 1;
      "sklearn": as "hits", but all pictures at the distance of match j count as found with it:
        the matches up to that distance over all pictures up to that distance.

    Args:
        distances: float32 or float64 [Q, G]; smaller is closer. Only the order matters.
        query: person and camera of every query.
        gallery: person and camera of every gallery picture.
        max_rank: entries of the report's cmc, at least 1.
        ap: definition of average precision.
        same_camera: "drop" or "keep".

    Returns:
        The report.

    Raises:
        InvalidInputError: the shape is not [Q, G], the dtype is another, a distance is NaN, an
            option is outside its range, or no query has a match.

    Example:
        One query, person 7 by camera 1. The nearest picture is junk (7 by camera 1); then come a
        match, a stranger and a match, the last two at one distance:

        >>> import numpy as np
        >>> from mgn_fast import Identities, evaluate_distances
        >>> distances = np.array([[0.1, 0.2, 0.3, 0.3]])
        >>> query = Identities(person=[7], camera=[1])
        >>> gallery = Identities(person=[7, 7, 8, 7], camera=[1, 2, 1, 3])
        >>> for ap in ("hits", "market1501", "sklearn"):
        ...     report = evaluate_distances(distances, query, gallery, max_rank=3, ap=ap)
        ...     print(ap, round(report.mean_average_precision, 4), report.cmc)
        hits 0.8333 [1. 1. 1.]
        market1501 0.7917 [1. 1. 1.]
        sklearn 0.8333 [1. 1. 1.]

        "hits" is (1/1 + 2/3) / 2 and "market1501" (1 + (2/3 + 1/2) / 2) / 2. Were the stranger last
        in the gallery, "hits" would be (1/1 + 2/2) / 2 = 1, and "sklearn" 0.8333 still.

    Source:
        Zheng et al., Scalable Person Re-identification: A Benchmark, ICCV 2015. "sklearn" is
        scikit-learn's average_precision_score, which the recipe calls.
    """
    array = np.asarray(distances)
    tally = _Tally(query, gallery, max_rank, ap, same_camera, thread_count(None))
    if array.shape != (len(query), len(gallery)):
        raise InvalidInputError(
            f"distances has shape {array.shape}, expected {(len(query), len(gallery))}: "
            "one row per query, one column per gallery picture"
        )
    if array.dtype not in (np.float32, np.float64):
        raise InvalidInputError(f"distances is {array.dtype}, expected float32 or float64")
    for rows in row_blocks(*array.shape):
        tally.add_distances(rows, np.ascontiguousarray(array[rows]))
    return tally.report()


class _Tally:
    """Collects what the core says of each query, block by block, and sums it up."""

    def __init__(
        self,
        query: Identities,
        gallery: Identities,
        max_rank: int,
        ap: PrecisionRule,
        same_camera: SameCamera,
        workers: int,
    ) -> None:
        _require_word("ap", ap, get_args(PrecisionRule))
        _require_word("same_camera", same_camera, get_args(SameCamera))
        for name, identities in (("query", query), ("gallery", gallery)):
            if not isinstance(identities, Identities):
                raise InvalidInputError(f"{name} is {type(identities)}, expected Identities")
            if len(identities) == 0:
                raise InvalidInputError(f"{name} has 0 pictures, expected at least one")
        self._query, self._gallery = query, gallery
        self._max_rank = require_count("max_rank", max_rank)
        self._same_camera, self._workers = same_camera, workers
        self._ranker = _core.Ranker(gallery.person, gallery.camera, ap, same_camera)
        self._average_precision = np.full(len(query), np.nan)
        self._inverse_negative_penalty = np.full(len(query), np.nan)
        self._first_match = np.zeros(len(query), np.int64)

    def add_distances(self, rows: slice, distances: AnyArray) -> None:
        person, camera = self._query.person[rows], self._query.camera[rows]
        self._store(rows, self._ranker.rank_distances(distances, person, camera, self._workers))
        if self._first_match[rows].min() < 0:
            row = int(np.argmin(self._first_match[rows]))
            column = int(np.argmax(np.isnan(distances[row])))
            raise InvalidInputError(
                f"distances has NaN in row {rows.start + row}, column {column}, expected numbers"
            )

    def add_screened(self, rows: slice, block: _core.Screened) -> None:
        person, camera = self._query.person[rows], self._query.camera[rows]
        self._store(rows, self._ranker.rank_screened(block, person, camera, self._workers))

    def _store(self, rows: slice, results: tuple[F64Array, F64Array, Any]) -> None:
        self._average_precision[rows] = results[0]
        self._inverse_negative_penalty[rows] = results[1]
        self._first_match[rows] = results[2]

    def report(self) -> Report:
        valid = self._first_match > 0
        if not valid.any():
            raise InvalidInputError(_why_nothing_matches(self._query, self._gallery))
        first = self._first_match[valid]
        found = np.bincount(first[first <= self._max_rank] - 1, minlength=self._max_rank)
        return Report(
            mean_average_precision=float(np.mean(self._average_precision[valid])),
            mean_inverse_negative_penalty=float(np.mean(self._inverse_negative_penalty[valid])),
            cmc=found.cumsum() / len(first),
            average_precision=self._average_precision,
            num_valid_queries=len(first),
        )


def _why_nothing_matches(query: Identities, gallery: Identities) -> str:
    present = np.isin(query.person, gallery.person)
    absent, dropped = int((~present).sum()), int(present.sum())
    message = (
        f"no query has a match: {absent} of {len(query)} queries show a person who is not in the "
        "gallery"
    )
    if dropped == 0:
        return message + "; check that both sets use the same person numbers"
    return message + (
        f"; for the other {dropped} every gallery picture of the person was taken by the query's "
        "own camera and so removed; pass same_camera='keep' to count those"
    )


def _require_same_number(name: str, count: int, other: str, expected: int) -> None:
    if count != expected:
        raise InvalidInputError(
            f"{name} has {count} identities and {other} {expected} rows, expected one of each per "
            "picture"
        )


def _require_word(name: str, value: object, words: tuple[str, ...]) -> None:
    if value not in words:
        raise InvalidInputError(f"{name} is {value!r}, expected one of {words}")
