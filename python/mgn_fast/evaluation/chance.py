# SPDX-License-Identifier: Apache-2.0
"""What random rankings score: the floor for any embedding."""

from __future__ import annotations

import numpy as np

from mgn_fast.evaluation.measure import evaluate_distances
from mgn_fast.evaluation.report import Report
from mgn_fast.types import Identities

REPEATS = 20


def random_report(query: Identities, gallery: Identities, seed: int) -> Report:
    """The mean report of twenty draws of random distances.

    Args:
        query: person and camera of every query.
        gallery: person and camera of every gallery picture.
        seed: of the draws.

    Returns:
        The mean of every figure.

    Raises:
        InvalidInputError: no query has a match.
    """
    random = np.random.default_rng(seed)
    shape = (len(query), len(gallery))
    draws = [
        evaluate_distances(random.random(shape, np.float32), query, gallery) for _ in range(REPEATS)
    ]
    return Report(
        mean_average_precision=float(np.mean([x.mean_average_precision for x in draws])),
        mean_inverse_negative_penalty=float(
            np.mean([x.mean_inverse_negative_penalty for x in draws])
        ),
        cmc=np.mean([x.cmc for x in draws], axis=0),
        average_precision=np.mean([x.average_precision for x in draws], axis=0),
        num_valid_queries=draws[0].num_valid_queries,
    )
