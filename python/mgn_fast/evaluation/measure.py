# SPDX-License-Identifier: Apache-2.0
"""Mean average precision, CMC and mINP, from distances or straight from embeddings.

Owns the passes over the distances, and that they fit into memory; `protocol` owns the rules.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias, get_args

import numpy as np

from mgn_fast import _core
from mgn_fast.common.checks import one_of
from mgn_fast.common.progress import Progress, no_progress
from mgn_fast.common.threads import thread_count
from mgn_fast.errors import InvalidInputError
from mgn_fast.evaluation.distances import EmbeddingSet, checked_sets, row_blocks, screened_blocks
from mgn_fast.evaluation.memory_plan import require_room
from mgn_fast.evaluation.protocol import (
    PrecisionRule,
    Protocol,
    ProtocolReport,
    ProtocolTally,
    tally_of,
)
from mgn_fast.evaluation.report import Report
from mgn_fast.evaluation.reranking import RerankSettings, reranked_blocks
from mgn_fast.evaluation.roc.pairs import PairTally, plan_beside_ranking
from mgn_fast.evaluation.rows import (
    RowMetric,
    as_array,
    both_as_arrays,
    note_on_distance_0,
    notes_on_lengths,
    num_at_distance_0,
)
from mgn_fast.evaluation.sides import SameCamera, SamePicture, require_same_number
from mgn_fast.evaluation.size import planned
from mgn_fast.types import AnyArray, ArrayLike, F32Array, Identities

# Is told the queries of a block and their distances to the whole gallery, which it must not write
# to and the next block overwrites: squared ones with what settles them in float64, re-ranked ones
# without.
BlockObserver: TypeAlias = "Callable[[slice, F32Array, _core.Screened | None], None]"


def evaluate(
    query_embeddings: ArrayLike,
    gallery_embeddings: ArrayLike,
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
    same_picture: SamePicture = "auto",
    metric: RowMetric = "euclidean",
    verification: bool = False,
    threads: int | None = None,
) -> Report:
    """mAP, mINP and CMC of embeddings: how well they find each query's person in the gallery.

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
        same_camera: "drop" or "keep" gallery pictures of the query's person by the query's camera;
            "separate" drops every gallery picture by the query's camera. Without cameras nothing
            is dropped, and the report's notes say so.
        same_picture: "auto": a picture never finds itself. A query's own picture is the gallery row
            that is the same memory (all against all, or a part of the rows against all), or that is
            known by the same name (`Identities.pictures`, which a dataset fills with paths). "keep"
            ranks it too, first.
        metric: "euclidean" ranks by the distance of the rows as they are; "cosine" scales them to
            length 1 first. The same for rows of length 1; the report's notes tell of others.
        verification: whether to fill the report's `verification` too, in the same pass; see
            `mgn_fast.verification_curve`. Not together with `rerank`.
        threads: to compute with; None for MGN_FAST_THREADS or all cores.

    Returns:
        The report.

    Raises:
        InvalidInputError: embeddings not two-dimensional floating point, empty, of different
            widths, with a NaN or an infinity; identities that do not match them in number; an
            option outside its range; no query with a match; more memory needed than there is.
    """
    settings = RerankSettings(k1, k2, original_weight)
    (report,) = measure_embeddings(
        query_embeddings,
        gallery_embeddings,
        query,
        gallery,
        [Protocol(max_rank, ap, same_camera, same_picture)],
        rerank=settings if rerank else None,
        metric=metric,
        verification=verification,
        threads=threads,
    )
    return report


def evaluate_distances(
    distances: ArrayLike,
    query: Identities,
    gallery: Identities,
    *,
    max_rank: int = 50,
    ap: PrecisionRule = "sklearn",
    same_camera: SameCamera = "drop",
    same_picture: SamePicture = "auto",
) -> Report:
    """mAP, mINP and CMC of given distances, which rank the gallery for each query.

    A match is a gallery picture of the query's person. With same_camera="drop", those taken by the
    query's own camera are junk instead, and leave the ranking before anything is counted; "keep"
    removes nothing, "separate" all pictures by that camera, whoever is on them. Equal distances
    keep gallery order. A query without a match counts nowhere. Infinite distances are taken, as
    farther (or nearer) than all others. cmc[k - 1] beyond the gallery's size repeats the last
    value.

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
        same_camera: "drop", "keep" or "separate".
        same_picture: "auto": a query never finds the gallery picture that is known by the same name
            (`Identities.pictures`); "keep": it may.

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
    protocol = Protocol(max_rank, ap, same_camera, same_picture)
    (report,) = measure_distances(distances, query, gallery, [protocol])
    return report


def measure_embeddings(
    query_embeddings: ArrayLike,
    gallery_embeddings: ArrayLike,
    query: Identities,
    gallery: Identities,
    protocols: Sequence[Protocol],
    *,
    rerank: RerankSettings | None = None,
    metric: RowMetric = "euclidean",
    verification: bool = False,
    threads: int | None = None,
    progress: Progress = no_progress,
    observers: Sequence[BlockObserver] = (),
) -> tuple[ProtocolReport, ...]:
    """A report for each of several protocols from embeddings, all in one pass.

    Args:
        query_embeddings: float32 [Q, D]; float16 and float64 are converted to it.
        gallery_embeddings: float32 [G, D], likewise.
        query: person and camera of every query.
        gallery: person and camera of every gallery picture.
        protocols: how to evaluate, CUHK03's single-gallery-shot for instance.
        rerank: how to re-rank first; None for not at all.
        metric: as for `evaluate`.
        verification: as for `evaluate`: of the first protocol's pairs, in its report.
        threads: of the core; None for MGN_FAST_THREADS or all cores.
        progress: is told how far the run is, from this thread.
        observers: get every block of distances, from this thread, in order of the queries.

    Returns:
        A report for each protocol.

    Raises:
        InvalidInputError: as for `evaluate`.

    Example:
        Person 8 has a picture on either side of the match. Either is drawn as often, so that the
        match comes first in half of all draws, and second in the others:

        >>> import numpy as np
        >>> from mgn_fast import Identities
        >>> from mgn_fast.evaluation.measure import measure_embeddings
        >>> from mgn_fast.evaluation.protocol import Protocol
        >>> gallery = np.array([[1.0], [2.0], [3.0]], np.float32)
        >>> (report,) = measure_embeddings(
        ...     np.zeros((1, 1), np.float32),
        ...     gallery,
        ...     Identities(person=[7], camera=[1]),
        ...     Identities(person=[8, 7, 8], camera=[2, 2, 2]),
        ...     [Protocol(single_shot="expected", max_rank=2)],
        ... )
        >>> print(report.mean_average_precision, report.cmc)
        0.75 [0.5 1. ]
    """
    threads = thread_count(threads)
    one_of("metric", metric, get_args(RowMetric))
    given = both_as_arrays(query_embeddings, gallery_embeddings)
    tallies = [tally_of(query, gallery, protocol, threads, given) for protocol in protocols]
    plan = None
    if verification:
        plan = plan_beside_ranking(tallies[0].sides, threads, is_reranked=rerank is not None)
    if all(side.ndim == 2 for side in given):  # others are refused below, by what they are
        name, work = planned(given, protocols, rerank, metric, threads)
        require_room(name, work if plan is None else replace(work, besides=plan.needed_bytes))
    queries, pictures = checked_sets(*given, threads, metric)
    require_same_number("query", len(query), "query_embeddings", len(queries))
    require_same_number("gallery", len(gallery), "gallery_embeddings", len(pictures))
    for tally in tallies:
        tally.require_matches()
    pairs = None
    if plan is not None:
        queries, pictures = queries.weighed(threads), pictures.weighed(threads)
        pairs = PairTally(plan, queries, pictures)
        observers = [*observers, pairs]
    if rerank is None:
        _count_plain(queries, pictures, tallies, observers, threads, progress)
    else:
        for rows, block in reranked_blocks(queries, pictures, rerank, threads, progress):
            for tally in tallies:
                tally.add_distances(rows, block)
            for observer in observers:
                observer(rows, block, None)
    values, squares = (queries.values, pictures.values), (queries.squares, pictures.squares)
    said = tuple(notes_on_lengths(squares, metric))
    at_0 = [num_at_distance_0(values, squares, tally.sides) for tally in tallies]
    first, *others = (
        replace(tally.report((*said, *note_on_distance_0(count, len(query)))), metric=metric)
        for tally, count in zip(tallies, at_0, strict=True)
    )
    if pairs is not None:
        first = replace(first, verification=pairs.curve())
    return (first, *others)


def measure_distances(
    distances: ArrayLike,
    query: Identities,
    gallery: Identities,
    protocols: Sequence[Protocol],
    *,
    threads: int | None = None,
) -> tuple[ProtocolReport, ...]:
    """A report for each of several protocols from given distances, all in one pass.

    Args:
        distances: float32 or float64 [Q, G]; smaller is closer. Only the order matters.
        query: person and camera of every query.
        gallery: person and camera of every gallery picture.
        protocols: how to evaluate.
        threads: of the core; None for MGN_FAST_THREADS or all cores.

    Returns:
        A report for each protocol.

    Raises:
        InvalidInputError: as for `evaluate_distances`.
    """
    array = as_array("distances", distances)
    threads = thread_count(threads)
    tallies = [tally_of(query, gallery, protocol, threads) for protocol in protocols]
    if array.shape != (len(query), len(gallery)):
        raise InvalidInputError(
            f"distances has shape {array.shape}, expected {(len(query), len(gallery))}: "
            "one row per query, one column per gallery picture"
        )
    if array.dtype not in (np.float32, np.float64):
        raise InvalidInputError(f"distances is {array.dtype}, expected float32 or float64")
    at_0 = [0] * len(tallies)
    for rows in row_blocks(*array.shape):
        block: AnyArray = np.ascontiguousarray(array[rows])
        zeros = np.flatnonzero((block == 0).any(axis=1))
        for number, tally in enumerate(tallies):
            tally.add_distances(rows, block)
            at_0[number] += sum(
                not tally.sides.leave(rows.start + row, np.flatnonzero(block[row] == 0)).all()
                for row in zeros.tolist()
            )
    return tuple(
        tally.report(tuple(note_on_distance_0(count, len(query))))
        for tally, count in zip(tallies, at_0, strict=True)
    )


def _count_plain(
    queries: EmbeddingSet,
    pictures: EmbeddingSet,
    tallies: Sequence[ProtocolTally],
    observers: Sequence[BlockObserver],
    threads: int,
    progress: Progress,
) -> None:
    for rows, distances, block in screened_blocks(queries, pictures, "squared_distance", threads):
        for tally in tallies:
            tally.add_screened(rows, block)
        for observer in observers:
            observer(rows, distances, block)
        progress("ranking", rows.stop, len(queries))
