# SPDX-License-Identifier: Apache-2.0
"""Persons without labels: pictures that have the same neighbours are one group.

Owns the way from embeddings to groups. The Jaccard distances are those of re-ranking, a few rows at
a time; only pairs that are near enough are kept. Imports scikit-learn, the `group` extra, on use.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from mgn_fast import _core
from mgn_fast.common.checks import whole_number
from mgn_fast.common.extras import require_extra
from mgn_fast.common.memory import require_fit
from mgn_fast.common.progress import Progress, no_progress
from mgn_fast.common.threads import thread_count
from mgn_fast.errors import InvalidInputError
from mgn_fast.evaluation.distances import EmbeddingSet, checked_set, row_blocks
from mgn_fast.evaluation.memory_plan import BYTES_OF_A_PAIR, grouping_bytes
from mgn_fast.evaluation.neighbours import ENCODED_ROWS, NeighbourFinder
from mgn_fast.evaluation.rows import as_array
from mgn_fast.types import AnyArray, ArrayLike, F32Array, I32Array


def group(
    embeddings: ArrayLike,
    *,
    k1: int = 20,
    k2: int = 6,
    eps: float = 0.5,
    min_pictures: int = 2,
    threads: int | None = None,
    progress: Progress = no_progress,
) -> I32Array:
    """The group that each picture belongs to: who is the same person, as far as pictures tell.

    Two pictures are near where they have the same neighbours: the Jaccard distance of their
    k-reciprocal neighbourhoods is at most `eps`. A picture with `min_pictures` near it, itself
    counted, is a core; cores that are near each other are one group (DBSCAN), together with the
    pictures that are near a core of it. One that is near cores of several groups goes to the group
    whose first core stands first. The squared Euclidean distances that order neighbours are divided
    by each picture's largest, so that only directions count where rows have one length.

    `k1` should not be far above the number of pictures that a person has: with a `k1` or `k2` of
    nearly all pictures all are neighbours, and one group.

    Args:
        embeddings: float32 [N, D], one row per picture; float16 and float64 are converted to it.
        k1: size of a picture's neighbourhood, at least 1; N - 1 where that is less.
        k2: size of the neighbourhood that vectors are averaged over, at least 1; 1 leaves them.
        eps: the largest Jaccard distance of two pictures that are near, above 0 and below 1. More
            makes groups larger and fewer.
        min_pictures: as many pictures near each other make a group, at least 2.
        threads: to compute with; None for MGN_FAST_THREADS or all cores.
        progress: is told how far the work is.

    Returns:
        int32 [N]: groups numbered from 0 in order of first appearance; -1 for a picture that is in
        none, which is alone. Empty for no pictures. The same rows give the same groups, whatever
        the CPU and the number of threads, but for distances that rounding puts on `eps` itself.

    Raises:
        InvalidInputError: embeddings not two-dimensional floating point, or with a NaN or an
            infinity; an option outside its range; more memory needed than there is.
        RuntimeUnavailableError: the group extra is not installed.

    Source:
        Distances: Zhong et al., Re-ranking Person Re-identification with k-reciprocal Encoding,
        CVPR 2017, the original distance left out. Groups: Ester et al., A Density-Based Algorithm
        for Discovering Clusters, KDD 1996, by scikit-learn. The two together are how persons
        without labels are usually told apart, as in Ge et al., Self-paced Contrastive Learning
        (SpCL), NeurIPS 2020.
    """
    k1, k2 = whole_number("k1", k1, 1), whole_number("k2", k2, 1)
    least = whole_number("min_pictures", min_pictures, 2)
    radius = _checked_eps(eps)
    threads = thread_count(threads)
    rows = as_array("embeddings", embeddings)
    if rows.ndim == 2 and len(rows) == 0 and rows.dtype.kind == "f":
        return np.empty(0, np.int32)
    pictures = checked_set("embeddings", rows, threads)
    count, width = pictures.values.shape
    if count == 1:
        return np.full(1, -1, np.int32)
    require_extra("group", "sklearn")
    # Among all others, all are in every neighbourhood and half of k1 decides nothing.
    k1, k2 = min(k1, count - 1), min(k2, count)
    halves = [max(1, k1 >> power) for power in range(k1.bit_length())]
    sizes = [(k, min(k, k2), grouping_bytes(count, width, threads, k, min(k, k2))) for k in halves]
    remedies = [(f"pass k1={k} and k2={smaller}", needed) for k, smaller, needed in sizes[1:]]
    what = f"grouping {count:,} pictures with k1={k1}, k2={k2}"
    require_fit(what, sizes[0][2], remedies)
    graph = _near_pairs(pictures, k1, k2, radius, threads, progress)
    return _numbered(_clustered(graph, radius, least))


def adjusted_rand_index(
    groups: Sequence[int] | AnyArray, persons: Sequence[Any] | AnyArray
) -> float:
    """How well groups are persons: 1 where they are the same, 0 on average by chance.

    Of all pairs of pictures, how many are together in both or apart in both, corrected for what
    groups of these sizes would reach by chance. A picture that is alone is a group of its own.

    Args:
        groups: whole numbers [N], as `group` gives them; -1 for alone.
        persons: numbers or words [N].

    Returns:
        At most 1; below 0 is worse than chance. 1 for one picture or none.

    Raises:
        InvalidInputError: not as many persons as groups.
        RuntimeUnavailableError: the group extra is not installed.

    Source:
        Hubert and Arabie, Comparing Partitions, Journal of Classification 1985, by scikit-learn.

    Example:
        >>> from mgn_fast.evaluation import adjusted_rand_index
        >>> round(adjusted_rand_index([0, 0, -1, -1], ["ann", "ann", "bob", "bob"]), 4)
        0.5714
    """
    require_extra("group", "sklearn")
    from sklearn.metrics import adjusted_rand_score

    if len(groups) != len(persons):
        raise InvalidInputError(
            f"groups has {len(groups)} entries and persons {len(persons)}, expected as many"
        )
    numbers = np.asarray(groups, np.int64)
    own = numbers.max(initial=-1) + 1 + np.arange(len(numbers))
    return float(adjusted_rand_score(np.asarray(persons), np.where(numbers < 0, own, numbers)))


def jaccard_blocks(
    pictures: EmbeddingSet, k1: int, k2: int, threads: int, progress: Progress = no_progress
) -> Iterator[tuple[slice, F32Array]]:
    """Jaccard distances of a few pictures at a time to all pictures.

    Args:
        pictures: checked embeddings, at least two.
        k1: size of a picture's neighbourhood, less than the number of pictures.
        k2: size of the neighbourhood that vectors are averaged over, at most that number.
        threads: of the core.
        progress: is told how far the work is.

    Yields:
        The pictures' range and float32 [B, N] in [0, 1], which the next block overwrites. Of a pair
        both orders give the same bits; a picture's distance to itself is 0.
    """
    count = len(pictures)
    encoding = _encoding(pictures, k1, k2, threads, progress)
    blocks = list(row_blocks(count, count))
    buffer = np.zeros((blocks[0].stop, count), np.float32)
    for rows in blocks:
        block = buffer[: rows.stop - rows.start]
        encoding.blend(block, rows.start, 0.0, threads)
        np.maximum(block, 0.0, out=block)  # sums of weights round to a little more than 1
        np.fill_diagonal(block[:, rows], 0.0)
        yield rows, block
        progress("grouping", rows.stop, count)


# Note [twins]. The core gives distances from queries to gallery, and a query is no picture of the
# gallery there. Here the gallery is all pictures, and each query is the twin of one: it stands in
# nobody's neighbourhood, and its vector is averaged over the neighbours of its picture, which makes
# it that picture's vector. So a twin is never encoded itself, and averaging cannot be left out: for
# a k2 of 1 it is over the picture twice, which is exact.
def _encoding(
    pictures: EmbeddingSet, k1: int, k2: int, threads: int, progress: Progress
) -> _core.Encoding:
    count = len(pictures)
    nearest, distances, scale = _neighbours(pictures, max(k1 + 1, k2), threads, progress)
    encoding = _core.Encoding(count, count, k1, max(k2, 2))
    near = _neighbourhood(nearest, distances, scale, pictures)
    for number, step in enumerate((encoding.relate, encoding.encode)):
        _in_parts(step, near, range(count, 2 * count), threads, progress, number)
    if k2 == 1:
        nearest = np.repeat(np.arange(count, 2 * count, dtype=np.int32), nearest.shape[1])
        nearest = np.tile(nearest.reshape(count, -1), (2, 1))
        near = _neighbourhood(nearest, distances, scale, pictures)
    _in_parts(encoding.expand, near, range(2 * count), threads, progress, 2)
    encoding.index()
    return encoding


def _neighbours(
    pictures: EmbeddingSet, depth: int, threads: int, progress: Progress
) -> tuple[I32Array, AnyArray, F32Array]:
    """Lists and largest distances of twins, then of pictures; a twin's distances are not set."""
    count = len(pictures)
    # One picture on one side and the rest on the other: all pairs, numbered as they stand.
    sides = pictures.part(slice(0, 1)), pictures.part(slice(1, count))
    found, near, largest = NeighbourFinder(
        *sides, "squared_distance", depth, threads, progress
    ).find(None)
    nearest = np.tile(found + np.int32(count), (2, 1))
    distances = np.empty((2 * count, depth))
    distances[count:] = near
    scale = np.tile(np.where(largest == 0.0, np.float32(1.0), largest), 2)
    return nearest, distances, scale


def _neighbourhood(
    nearest: I32Array, distances: AnyArray, scale: F32Array, pictures: EmbeddingSet
) -> _core.Neighbourhood:
    rows = pictures.values
    return _core.Neighbourhood(
        nearest, distances, scale, rows, rows, "squared_distance", squared_again=False
    )


def _in_parts(
    step: Any,
    near: _core.Neighbourhood,
    rows: range,
    threads: int,
    progress: Progress,
    number: int,
) -> None:
    """A step of the encoding for some rows, in parts between which an interrupt is seen."""
    for start in range(rows.start, rows.stop, ENCODED_ROWS):
        end = min(rows.stop, start + ENCODED_ROWS)
        step(near, start, end, threads)
        progress("encoding", number * len(rows) + end - rows.start, 3 * len(rows))


def _near_pairs(
    pictures: EmbeddingSet,
    k1: int,
    k2: int,
    eps: float,
    threads: int,
    progress: Progress,
) -> Any:
    """The pairs at a distance of at most `eps`, as scikit-learn takes them: nearest first."""
    from scipy.sparse import csr_matrix

    count = len(pictures)
    counts, columns, values = [], [], []
    held = 0
    for _, block in jaccard_blocks(pictures, k1, k2, threads, progress):
        # As float64 also by NumPy 1, which would round eps to the block's float32.
        rows, found = np.nonzero(np.less_equal(block, eps, signature="dd->?"))
        near = block[rows, found]
        order = np.lexsort((near, rows))
        counts.append(np.bincount(rows, minlength=len(block)))
        columns.append(found[order].astype(np.int32))
        values.append(near[order])
        held += len(found)
        what = f"grouping with eps={eps:g}, at which {held:,} pairs of pictures are near,"
        require_fit(what, BYTES_OF_A_PAIR * held, [("pass a smaller eps", 0)])
    starts = np.concatenate([[0], np.cumsum(np.concatenate(counts))])
    parts = np.concatenate(values), np.concatenate(columns), starts
    return csr_matrix(parts, shape=(count, count))


def _clustered(graph: Any, eps: float, min_pictures: int) -> AnyArray:
    from sklearn.cluster import DBSCAN

    clusters = DBSCAN(eps=eps, min_samples=min_pictures, metric="precomputed")
    labels: AnyArray = clusters.fit(graph).labels_
    return labels


def _numbered(labels: AnyArray) -> I32Array:
    """The labels with groups numbered in order of first appearance."""
    known, first, place = np.unique(labels, return_index=True, return_inverse=True)
    numbers = np.full(len(known), -1, np.int32)
    in_order = [at for at in np.argsort(first) if known[at] >= 0]
    numbers[in_order] = np.arange(len(in_order), dtype=np.int32)
    return numbers[place]


def _checked_eps(eps: Any) -> float:
    try:
        number = math.nan if isinstance(eps, (bool, str)) else float(eps)
    except (TypeError, ValueError):
        number = math.nan
    if not 0.0 < number < 1.0:
        raise InvalidInputError(f"eps is {eps!r}, expected a number above 0 and below 1")
    return number
