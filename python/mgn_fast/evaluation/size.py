# SPDX-License-Identifier: Apache-2.0
"""How large an evaluation is, for the plan of its memory."""

from __future__ import annotations

from collections.abc import Sequence

from mgn_fast.common.threads import thread_count
from mgn_fast.evaluation.memory_plan import Work
from mgn_fast.evaluation.protocol import Protocol
from mgn_fast.evaluation.reranking import RerankSettings
from mgn_fast.evaluation.rows import RowMetric, num_converted
from mgn_fast.types import AnyArray


def work_of(
    shape: tuple[int, int, int],
    protocols: Sequence[Protocol],
    rerank: RerankSettings | None,
    threads: int | None = None,
    *,
    converted: int = 0,
) -> Work:
    """The size of an evaluation, for `memory_plan.needed_bytes`.

    Args:
        shape: queries, gallery pictures and width of an embedding.
        protocols: how to evaluate.
        rerank: how to re-rank first; None for not at all.
        threads: of the core; None for MGN_FAST_THREADS or all cores.
        converted: rows of embeddings that are not float32 in C order.

    Returns:
        Its size.
    """
    ranks = [min(p.max_rank, shape[1]) for p in protocols if p.counts_ranks]
    k1, k2 = (rerank.k1, rerank.k2) if rerank is not None else (0, 1)
    return Work(
        *shape,
        threads=thread_count(threads),
        rank_columns=sum(ranks),
        converted=converted,
        k1=k1,
        k2=k2,
    )


def planned(
    sides: tuple[AnyArray, AnyArray],
    protocols: Sequence[Protocol],
    rerank: RerankSettings | None,
    metric: RowMetric,
    threads: int,
) -> tuple[str, Work]:
    """What an evaluation is called in messages, and its size; see `work_of`."""
    shape = len(sides[0]), len(sides[1]), sides[0].shape[1]
    what = "evaluation" if rerank is None else f"re-ranking with k1={rerank.k1}, k2={rerank.k2}"
    name = f"{what} of {shape[0]} queries and {shape[1]} gallery pictures"
    return name, work_of(shape, protocols, rerank, threads, converted=num_converted(sides, metric))
