# SPDX-License-Identifier: Apache-2.0
"""Pictures for people: an evaluation or a search as one HTML page, and as one PNG sheet.

An `AnalysisBuilder` gathers what a page tells beyond its figures while `measure_embeddings` runs:

    builder = AnalysisBuilder(query, gallery, protocol)
    (report,) = measure_embeddings(..., observers=builder.block_observers())
    builder.add("plain", report)
    draw_evaluation(dataset, {"plain": report}, builder.analysis(), html="report.html")

and what a gallery found is drawn by

    lists = search_lists(gallery, gallery.search(rows, 10), [("query.jpg", path)])
    draw_search(gallery, lists, html="found.html")

`write_page`, `write_search_page` and `write_sheet` take lists, titles and notes of one's own.

evaluation_page, search_page   what to show of a run and of a search
searched         what pages ask of a gallery; groups/: its groups as a page
page/, sheet     the HTML page and the PNG sheet; tiles, thumbnails: their pictures
analysis         what a run showed, by camera_pairs, histograms and nearest pictures
kit/             what these pages and the benchmark's share
"""

from mgn_fast.report.analysis import Analysis, AnalysisBuilder, ranked_lists
from mgn_fast.report.evaluation_page import draw_evaluation
from mgn_fast.report.groups.render import draw_groups
from mgn_fast.report.page.render import write_page, write_search_page
from mgn_fast.report.search_page import draw_search, search_lists
from mgn_fast.report.sheet import write_sheet
from mgn_fast.report.tiles import RankedList, Tile, Verdict

__all__ = [
    "Analysis",
    "AnalysisBuilder",
    "RankedList",
    "Tile",
    "Verdict",
    "draw_evaluation",
    "draw_groups",
    "draw_search",
    "ranked_lists",
    "search_lists",
    "write_page",
    "write_search_page",
    "write_sheet",
]
