# SPDX-License-Identifier: Apache-2.0
"""Statistics of repeated measurements: percentiles, an interval of the mean, a comparison.

Knows nothing of what was measured.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mgn_fast.types import F64Array, I64Array

# A percentile with fewer samples beyond it says more of chance than of what was measured.
MIN_SAMPLES_BEYOND = 10
# Repeats on each side of a comparison, up to which all ways to choose are counted: in half a second
# and 32 MB.
MOST_EXACT = 100


def percentile(samples: F64Array, percent: float) -> float | None:
    """The smallest sample that so many per cent of all samples do not exceed (nearest rank).

    Args:
        samples: float64 [N], in any order.
        percent: above 0, below 100.

    Returns:
        The sample, or None where fewer than ten samples lie beyond the percentile.
    """
    count = len(samples)
    # Rounded, because 100 - 99.9 is a little less than a tenth.
    if round(count * (100 - percent) / 100, 9) < MIN_SAMPLES_BEYOND:
        return None
    rank = math.ceil(round(count * percent / 100, 9))
    return float(np.partition(samples, rank - 1)[rank - 1])


def mean_interval(
    values: Sequence[float], *, level: float = 0.95, resamples: int = 10_000, seed: int = 0
) -> tuple[float, float]:
    """The interval in which the mean lies, by the percentile bootstrap.

    Args:
        values: repeats of one measurement, at least one.
        level: how sure, below 1.
        resamples: how often repeats are drawn.
        seed: of the drawing.

    Returns:
        Its ends; for one repeat, that repeat twice.

    Source:
        Efron, Bootstrap Methods: Another Look at the Jackknife, Annals of Statistics 1979.
    """
    repeats = np.asarray(values, np.float64)
    drawn = np.random.default_rng(seed).integers(0, len(repeats), (resamples, len(repeats)))
    low, high = np.quantile(repeats[drawn].mean(1), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def chance_of_lower(values: Sequence[float], others: Sequence[float]) -> float:
    """The chance of values so low if both come from one distribution (Mann-Whitney, one-sided).

    Exact, equal values sharing their ranks: of all ways to choose which of the pooled values are
    `values`, the share whose sum of ranks is no greater. With more than 100 on either side that
    sum's normal distribution stands for its own.

    Args:
        values: repeats that may be lower, at least one.
        others: repeats to compare with, at least one.

    Returns:
        The p-value, above 0 and at most 1.

    Source:
        Mann and Whitney, On a Test of Whether one of Two Random Variables is Stochastically Larger
        than the Other, Annals of Mathematical Statistics 1947.
    """
    pooled = np.concatenate([np.asarray(values, np.float64), np.asarray(others, np.float64)])
    doubled_ranks = _doubled_ranks(pooled)
    if max(len(values), len(others)) > MOST_EXACT:
        return _normal_chance(doubled_ranks, len(values))
    total = int(doubled_ranks.sum())
    # ways[k, s]: of choosing k of the pooled values with a sum of doubled ranks of s.
    ways = np.zeros((len(values) + 1, total + 1))
    ways[0, 0] = 1.0
    for rank in doubled_ranks:
        ways[1:, rank:] += ways[:-1, : total + 1 - rank].copy()
    sums = ways[-1]
    observed = int(doubled_ranks[: len(values)].sum())
    return float(sums[: observed + 1].sum() / sums.sum())


def _doubled_ranks(pooled: F64Array) -> I64Array:
    """Ranks from 1, equal values sharing the middle one; doubled, so that they are whole."""
    ordered = np.sort(pooled)
    below = np.searchsorted(ordered, pooled, "left")
    up_to = np.searchsorted(ordered, pooled, "right")
    ranks: I64Array = (below + up_to + 1).astype(np.int64)
    return ranks


def _normal_chance(doubled_ranks: I64Array, chosen: int) -> float:
    """The chance of a sum of ranks no greater than that of the first ones, if it were normal."""
    others = len(doubled_ranks) - chosen
    spread = math.sqrt(chosen * others / (len(doubled_ranks) - 1)) * float(np.std(doubled_ranks))
    excess = float(doubled_ranks[:chosen].sum() - chosen * np.mean(doubled_ranks))
    # The sum is discrete: half a rank belongs to it, which is 1 of the doubled.
    return 0.5 * math.erfc(-(excess + 1) / (spread * math.sqrt(2))) if spread else 1.0
