# SPDX-License-Identifier: Apache-2.0
"""Templates to a page. Every text is escaped: names are anybody's."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from mgn_fast.common.extras import require_extra
from mgn_fast.common.text import printable
from mgn_fast.report.kit import words as kit_words

# Of a page's file.
SUFFIXES = (".html", ".htm")


def render(package: str, words: ModuleType, values: Mapping[str, Any]) -> str:
    """The page that a package's `page.html.jinja` makes.

    Args:
        package: whose templates these are; the kit's stand beside them.
        words: a module whose functions templates call beside the kit's, most of them as filters.
        values: what the templates name besides; `markup` is for what is HTML already.

    Returns:
        HTML that can be encoded as UTF-8: lone surrogates, as names may hold them, are escaped.

    Raises:
        RuntimeUnavailableError: the report extra is not installed.
    """
    require_extra("report", "jinja2")
    import jinja2
    import markupsafe

    folders = (package, __package__)
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader(name, ".") for name in folders]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    functions = {
        name: function
        for module in (kit_words, words)
        for name, function in inspect.getmembers(module, inspect.isfunction)
    }
    environment.filters |= functions | {"markup": markupsafe.Markup, "printable": printable}
    # Not values of `render`, because macros that are imported see globals only.
    environment.globals |= {**functions, **values}
    page = environment.get_template("page.html.jinja").render()
    return page.encode("utf-8", "backslashreplace").decode()
