# SPDX-License-Identifier: Apache-2.0
"""Tables of results for a terminal."""

from __future__ import annotations

from collections.abc import Mapping

from mgn_fast.evaluation.report import Report
from mgn_fast.report.rows import report_row


def print_reports(reports: Mapping[str, Report]) -> None:
    """Prints one line per report to stdout, four decimals as the recipe does.

    Args:
        reports: by the name of their line.
    """
    width = max(len(name) for name in reports)
    first = next(iter(reports.values()))
    print(" " * width + "".join(f"{name:>9}" for name in report_row(first)))
    for name, report in reports.items():
        print(f"{name:<{width}}" + "".join(f"{x:9.4f}" for x in report_row(report).values()))
    print(f"{first.num_valid_queries} of {len(first.average_precision)} queries have a match")
