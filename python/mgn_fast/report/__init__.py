# SPDX-License-Identifier: Apache-2.0
"""Pictures for people: an evaluation or a search as one HTML page, and as one PNG sheet."""

from mgn_fast.report.analysis import Analysis, PageData, ranked_lists
from mgn_fast.report.page.render import write_page, write_search_page
from mgn_fast.report.rows import report_row
from mgn_fast.report.sheet import write_sheet
from mgn_fast.report.tiles import RankedList, Tile, Verdict

__all__ = [
    "Analysis",
    "PageData",
    "RankedList",
    "Tile",
    "Verdict",
    "ranked_lists",
    "report_row",
    "write_page",
    "write_search_page",
    "write_sheet",
]
