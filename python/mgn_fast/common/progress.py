# SPDX-License-Identifier: Apache-2.0
"""The callback by which a long run reports how much of it is done."""

from __future__ import annotations

from collections.abc import Callable

# Is told the stage of a run, how much of it is done, and how much there is.
Progress = Callable[[str, int, int], None]


def no_progress(stage: str, done: int, total: int) -> None:
    """Drops every report: the default of functions that take a `Progress`.

    Args:
        stage: of the run.
        done: how much of it is done.
        total: how much there is.
    """
