# SPDX-License-Identifier: Apache-2.0
"""From measurements to a record, and from records to tables.

row               what a record says of one case; environment: of the machine
statistics        intervals and tests; published_rates: the recipe's own
verdict           the bottleneck, in words; validity: why not to believe a run
baseline          comparison with an older record
tables            a record for a terminal, as Markdown and as CSV; trace: as a timeline
"""

from mgn_fast.bench.record.baseline import compare_with_baseline, read_record
from mgn_fast.bench.record.row import row_of
from mgn_fast.bench.record.tables import markdown, terminal_lines

__all__ = ["compare_with_baseline", "markdown", "read_record", "row_of", "terminal_lines"]
