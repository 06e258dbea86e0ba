# SPDX-License-Identifier: Apache-2.0
"""A report as the numbers of one table row: the same in a terminal and on a page."""

from __future__ import annotations

from mgn_fast.evaluation.report import Report

QUOTED_RANKS = (1, 3, 5, 10)  # the recipe's


def report_row(report: Report) -> dict[str, float]:
    """A report as the numbers of one table row.

    Args:
        report: the report.

    Returns:
        mAP, the CMC at ranks 1, 3, 5 and 10 as far as it reaches, and mINP, in [0, 1].
    """
    row = {"mAP": report.mean_average_precision}
    row |= {f"R{k}": float(report.cmc[k - 1]) for k in QUOTED_RANKS if k <= len(report.cmc)}
    return row | {"mINP": report.mean_inverse_negative_penalty}
