# SPDX-License-Identifier: Apache-2.0
"""The benchmark's page: one HTML file from a record.

render   the page; words: its number formats; series, plots: its plots
"""

from mgn_fast.bench.page.render import render_page

__all__ = ["render_page"]
