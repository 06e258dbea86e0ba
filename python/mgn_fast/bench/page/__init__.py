# SPDX-License-Identifier: Apache-2.0
"""The benchmark's page: one HTML file from a record."""

from mgn_fast.bench.page.render import render_page

__all__ = ["render_page"]
