# SPDX-License-Identifier: Apache-2.0
"""From measurements to a record: rows, statistics, verdicts, doubts, comparisons."""

from mgn_fast.bench.record.baseline import compare_with_baseline, read_record
from mgn_fast.bench.record.row import row_of
from mgn_fast.bench.record.tables import markdown, terminal_lines

__all__ = ["compare_with_baseline", "markdown", "read_record", "row_of", "terminal_lines"]
