# SPDX-License-Identifier: Apache-2.0
"""What every page and picture shares: document, style, macros, words, and matplotlib's settings.

`document.html.jinja` is the frame that a page's own `page.html.jinja` fills, `base.css.jinja` the
style that its own `page.css.jinja` adds to, `pieces.html.jinja` the macros.

templates    fills a page's templates; words: number formats; drawing: matplotlib's settings
"""

from mgn_fast.report.kit.drawing import plain_matplotlib
from mgn_fast.report.kit.templates import render
from mgn_fast.report.kit.words import count

__all__ = ["count", "plain_matplotlib", "render"]
