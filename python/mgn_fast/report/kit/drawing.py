# SPDX-License-Identifier: Apache-2.0
"""Matplotlib as it comes: the user's matplotlibrc has no part in what is drawn."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from mgn_fast.common.extras import require_extra


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
