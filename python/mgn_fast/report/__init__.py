# SPDX-License-Identifier: Apache-2.0
"""Pictures for people: an evaluation or a search as one HTML page, and as one PNG sheet."""

from .analysis import Analysis, Analyst, ranked_lists
from .page import write_page, write_search_page
from .rows import report_row
from .sheet import write_sheet
from .tiles import RankedList, Tile, Verdict

__all__ = [
    "Analysis",
    "Analyst",
    "RankedList",
    "Tile",
    "Verdict",
    "ranked_lists",
    "report_row",
    "write_page",
    "write_search_page",
    "write_sheet",
]
