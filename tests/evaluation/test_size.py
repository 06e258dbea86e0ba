# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest

from mgn_fast.evaluation.protocol import Protocol
from mgn_fast.evaluation.reranking import RerankSettings
from mgn_fast.evaluation.size import planned, work_of


def test_ranks_are_counted_where_a_protocol_keeps_one_for_each_query():
    protocols = [Protocol(), Protocol(max_rank=7, single_shot="expected"), Protocol(max_rank=99)]
    work = work_of((3, 20, 8), protocols, RerankSettings(k1=5, k2=2), threads=2)
    assert (work.queries, work.gallery, work.width, work.threads) == (3, 20, 8, 2)
    assert (work.rank_columns, work.k1, work.k2) == (7, 5, 2)
    assert work_of((3, 5, 8), protocols, None, threads=1).rank_columns == 5


@pytest.mark.parametrize(
    ("dtype", "metric", "converted"),
    [("float32", "euclidean", 0), ("float16", "euclidean", 5), ("float32", "cosine", 5)],
)
def test_rows_that_are_copied_are_counted(dtype, metric, converted):
    sides = np.ones((2, 4), dtype), np.ones((3, 4), dtype)
    name, work = planned(sides, [Protocol()], None, metric, 1)
    assert name == "evaluation of 2 queries and 3 gallery pictures"
    assert work.converted == converted
