# SPDX-License-Identifier: Apache-2.0
"""How much memory an evaluation takes beyond the embeddings, known before it runs.

Sums up what the modules beside it allocate. A buffer that changes there has to change here; the
tests compare the sums with what runs really take.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mgn_fast import _core
from mgn_fast.common.memory import MEGABYTE, require_fit
from mgn_fast.evaluation.distances import BLOCK_COLUMNS, BLOCK_ELEMENTS, BLOCK_ROWS

# Distances from queries to gallery are needed twice when re-ranking, for the lists and for the
# result. Up to so many, 256 MB, they are kept in between; more are multiplied again.
KEPT_ELEMENTS = 1 << 26

# What the allocator and Python need around the arrays below.
_AROUND = 8 * MEGABYTE
# Of a pair of pictures that are near: twice while its parts are put together, and in DBSCAN, which
# copies the graph, sorts it and takes it apart.
BYTES_OF_A_PAIR = 48
# Entries of a picture's sparse vectors per neighbour of k1, before and after averaging, with room:
# drawn sets of both public shapes had 0.9 and 2.2.
_ENTRIES_BEFORE, _ENTRIES_AFTER = 1.5, 3.0


@dataclass(frozen=True)
class Work:
    """Sizes of an evaluation that decide how much memory it takes.

    Attributes:
        queries: number of queries.
        gallery: number of gallery pictures.
        width: of an embedding.
        threads: of the core.
        rank_columns: entries of the cmc, summed over protocols that keep one per query.
        converted: rows of embeddings that are copied to float32 in C order.
        besides: bytes that the caller does not hold yet, but will: a result, or embeddings.
        k1: of re-ranking; 0 for none.
        k2: of re-ranking.
    """

    queries: int
    gallery: int
    width: int
    threads: int
    rank_columns: int = 0
    converted: int = 0
    besides: int = 0
    k1: int = 0
    k2: int = 1

    @property
    def pictures(self) -> int:
        """Number of pictures, queries and gallery together."""
        return self.queries + self.gallery

    @property
    def pairs(self) -> int:
        """Number of pairs of a query and a gallery picture."""
        return self.queries * self.gallery

    @property
    def keeps_distances(self) -> bool:
        """True if re-ranking keeps the distances between its two uses of them: up to a size."""
        return self.pairs <= KEPT_ELEMENTS


def needed_bytes(work: Work) -> int:
    """Bytes beyond the embeddings at the run's fullest moment; close, and rather too many."""
    rows = min(work.queries, BLOCK_ROWS, max(1, BLOCK_ELEMENTS // max(1, work.gallery)))
    shared = (
        _AROUND
        + work.besides
        + 8 * work.pictures
        + 4 * work.converted * work.width
        + 8 * rows * work.rank_columns
        + work.threads * _core.product_scratch_bytes(work.width)
    )
    if work.k1 == 0:
        return shared + 4 * rows * work.gallery
    kept = work.queries if work.keeps_distances else rows
    return shared + 4 * kept * work.gallery + 4 * BLOCK_COLUMNS**2 + _reranking_bytes(work)


def grouping_bytes(count: int, width: int, threads: int, k1: int, k2: int) -> int:
    """Bytes beyond the embeddings that grouping takes at its fullest, near pairs not counted.

    Args:
        count: number of pictures.
        width: of an embedding.
        threads: of the core.
        k1: of the neighbourhoods, less than the number of pictures.
        k2: likewise.

    Returns:
        Close, and rather too many.
    """
    depth = min(max(k1 + 1, k2), count)
    after = min(count, int(_ENTRIES_AFTER * (k1 + 1)))
    rows = min(count, BLOCK_ROWS, max(1, BLOCK_ELEMENTS // max(1, count)))
    # Lists twice as long and once more, and vectors of twins; a block and what is near in it.
    besides = count * (20 * depth + 8 * after + 3 * 40) + 6 * rows * count
    return needed_bytes(Work(0, count, width, threads, besides=besides, k1=k1, k2=k2))


def require_room(what: str, work: Work, remedies: Sequence[tuple[str, int]] = ()) -> int:
    """The bytes that a run needs; InvalidInputError, with what would fit instead, if it does not.

    Args:
        what: the run, as the message's first words.
        work: its size.
        remedies: what the caller could do, and the bytes of that, before fewer threads, a shorter
            cmc, a smaller k1 and k2, and no re-ranking are tried.

    Returns:
        The bytes it needs.
    """
    needed = needed_bytes(work)
    require_fit(what, needed, [*remedies, *_remedies(work)])
    return needed


def _reranking_bytes(work: Work) -> int:
    count = work.pictures
    depth = min(max(work.k1 + 1, work.k2), count)
    lists = 16 * count * depth
    candidates = _core.candidate_bytes(count, depth)
    if _core.has_bfloat16_product():
        candidates += count * (4 * ((work.width + 1) // 2) + 8)
    sets = min(count, work.k1 + 1)
    before = min(count, int(_ENTRIES_BEFORE * sets))
    after = min(count, int(_ENTRIES_AFTER * sets)) if work.k2 > 1 else 0
    vectors = count * (8 * (before + 2 * max(before, after)) + 3 * 40)
    return lists + max(candidates, vectors)


def _remedies(work: Work) -> list[tuple[str, int]]:
    choices = []
    if work.threads > 1:
        choices.append(("pass threads=1", replace(work, threads=1)))
    if work.rank_columns:
        choices.append(("pass a max_rank of 50", replace(work, rank_columns=50)))
    remedies = [(text, needed_bytes(choice)) for text, choice in choices]
    if work.k1 == 0:
        return remedies
    smaller = work.k1
    while smaller > 1:
        smaller //= 2
        choice = replace(work, k1=smaller, k2=min(work.k2, smaller))
        text = f"pass k1={choice.k1} and k2={choice.k2}, or less"
        remedies.append((text, needed_bytes(choice)))
    text = "evaluate without re-ranking"
    return [*remedies, (text, needed_bytes(replace(work, k1=0)))]
