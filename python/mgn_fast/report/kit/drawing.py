# SPDX-License-Identifier: Apache-2.0
"""Matplotlib as it comes: the user's matplotlibrc has no part in what is drawn."""

from __future__ import annotations

import functools
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from mgn_fast.common.extras import require_extra
from mgn_fast.common.text import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, MUTED = "#1b1f24", "#59626d"


def plain_matplotlib(**settings: Any) -> AbstractContextManager[None]:
    """Matplotlib's own settings while a figure is drawn and saved; names are text, not formulas.

    Args:
        settings: that differ, with "__" for the dots of their names.

    Returns:
        A context; the settings before it come back at its end.

    Raises:
        RuntimeUnavailableError: the report extra is not installed.
    """
    require_extra("report", "matplotlib")
    import matplotlib
    from matplotlib import rcParamsDefault

    defaults: Any = rcParamsDefault
    chosen = {key: defaults[key] for key in defaults if key != "backend"}
    chosen |= {"text.parse_math": False}
    chosen |= {name.replace("__", "."): value for name, value in settings.items()}
    context: AbstractContextManager[None] = matplotlib.rc_context(chosen)
    return context


def write_text(axes: Axes, x: float, y: float, text: str, **look: Any) -> None:
    """Text around its middle; names are shown, and only with letters that the font has.

    Args:
        axes: to write on.
        x: where, in the axes' units.
        y: likewise.
        text: lines.
        look: matplotlib's words, where they differ from the usual.
    """
    lines = [legible(printable(line)) for line in text.split("\n")]
    usual: dict[str, Any] = {"fontsize": 8.5, "color": INK, "va": "center"}
    axes.text(x, y, "\n".join(lines), **(usual | look))


def rectangle(x: float, y: float, width: float, height: float, **look: Any) -> Any:
    """A rectangle from its corner, as matplotlib draws it; not filled unless `look` says so."""
    from matplotlib.patches import Rectangle

    return Rectangle((x, y), width, height, **({"facecolor": "none"} | look))


def legible(text: str) -> str:
    """With an escape for what matplotlib's own font has no letter for, which would be a warning."""
    letters = _letters()
    return "".join(c if ord(c) in letters else f"\\u{ord(c):04x}" for c in text)


@functools.cache
def _letters() -> frozenset[int]:
    from matplotlib.font_manager import findfont, get_font

    return frozenset(get_font(findfont("DejaVu Sans")).get_charmap())
