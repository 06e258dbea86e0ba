# SPDX-License-Identifier: Apache-2.0
"""The page of an evaluation or a search: one HTML file that opens anywhere, offline."""

from mgn_fast.report.page.render import write_page, write_search_page

__all__ = ["write_page", "write_search_page"]
