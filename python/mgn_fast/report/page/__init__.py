# SPDX-License-Identifier: Apache-2.0
"""The page of an evaluation or a search: one HTML file that opens anywhere, offline.

render       the page; words: its number formats; plots: its plots
script_data  the lists and pictures that the page's script is given
"""

from mgn_fast.report.page.render import write_page, write_search_page

__all__ = ["write_page", "write_search_page"]
