# SPDX-License-Identifier: Apache-2.0
"""Embeddings or distances to rankings, metrics and re-ranked distances.

measure      what users call: `evaluate`, for one protocol or for many
protocol     what counts as a match, and the metrics by their definitions
sides        queries and gallery, and which pictures leave whose ranking
report       rankings and reports: the results
rows         embeddings of any origin as checked rows
distances    blocks of exact distances; `rank`
reranking    k-reciprocal re-ranking
neighbours   the nearest pictures of each, for re-ranking and grouping
grouping     persons without labels
roc          verification: what a threshold on the distance accepts
body_parts   embeddings compared part by part
agreement    how alike two models' embeddings are
chance       what random distances score
memory_plan  the memory that a run will take; size: how large an evaluation is
"""

from mgn_fast.evaluation.agreement import Agreement, compare
from mgn_fast.evaluation.distances import cosine_similarity, rank, squared_distance
from mgn_fast.evaluation.grouping import adjusted_rand_index, group
from mgn_fast.evaluation.measure import (
    BlockObserver,
    evaluate,
    evaluate_distances,
    measure_distances,
    measure_embeddings,
)
from mgn_fast.evaluation.protocol import Protocol, ProtocolReport
from mgn_fast.evaluation.report import Ranking, Report
from mgn_fast.evaluation.reranking import RerankSettings, rerank
from mgn_fast.evaluation.roc.curve import VerificationCurve
from mgn_fast.evaluation.roc.pairs import verification_curve

__all__ = [
    "Agreement",
    "BlockObserver",
    "Protocol",
    "ProtocolReport",
    "Ranking",
    "Report",
    "RerankSettings",
    "VerificationCurve",
    "adjusted_rand_index",
    "compare",
    "cosine_similarity",
    "evaluate",
    "evaluate_distances",
    "group",
    "measure_distances",
    "measure_embeddings",
    "rank",
    "rerank",
    "squared_distance",
    "verification_curve",
]
