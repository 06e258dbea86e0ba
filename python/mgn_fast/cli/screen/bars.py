# SPDX-License-Identifier: Apache-2.0
"""Draws the steps of a command on a terminal: a line each, as long as any is under way."""

from __future__ import annotations

import sys
from typing import Any

from mgn_fast.cli.screen.course import Course, Step

# What stands beside the bar takes so much of a line.
_BESIDES = 70
_NARROWEST, _WIDEST = 6, 30
_ENDING = "ending; Ctrl-C once more ends at once"
SHOW_CURSOR = b"\x1b[?25h"


class Bars:
    """The lines. Nothing is drawn before the first step, and nothing stays when all are over.

    Args:
        course: whose steps are drawn.
    """

    def __init__(self, course: Course) -> None:
        self._course = course
        self._drawing: Any = None
        self._tasks: list[tuple[Step, Any]] = []

    def show(self, step: Step) -> None:
        """Adds a line; it follows its step by itself."""
        if self._drawing is None:
            self._drawing = _drawing(self._state)
            self._drawing.start()
        for shown, task in list(self._tasks):
            if shown.title == step.title and shown.ended_s is not None:  # the same once more
                self._drawing.remove_task(task)
                self._tasks.remove((shown, task))
        task = self._drawing.add_task(step.title, total=step.total or None, step=step)
        self._tasks.append((step, task))

    def update(self, step: Step) -> None:
        """Moves the step's bar."""
        for shown, task in self._tasks:
            if shown is step:
                self._drawing.update(task, completed=step.done)

    def settle(self) -> None:
        """Takes the lines away once no step is under way."""
        if all(step.ended_s is not None for step, _ in self._tasks):
            self.stop()

    def stop(self) -> None:
        """Takes the lines away. May be called again."""
        drawing, self._drawing, self._tasks = self._drawing, None, []
        if drawing is not None:
            drawing.stop()

    def print(self, line: str) -> bool:
        """A line above those that move; False if none do, and nothing was printed."""
        if self._drawing is None:
            return False
        self._drawing.console.print(line, markup=False, highlight=False, soft_wrap=True)
        return True

    def _state(self, step: Step) -> str:
        if self._course.interrupted:
            return f"{step.amount()}  {_ENDING}".lstrip()
        return step.state(self._course.bottleneck() if step is self._course.under_way() else "")


def _drawing(state: Any) -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn
    from rich.text import Text

    class State(ProgressColumn):
        """What the step says of itself."""

        def render(self, task: Any) -> Text:
            return Text(state(task.fields["step"]), no_wrap=True, overflow="ellipsis")

    console = Console(stderr=True)
    width = max(_NARROWEST, min(_WIDEST, console.width - _BESIDES))
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(width),
        State(),
        console=console,
        transient=True,
        # Lines for stdout belong there, not among ours, where somebody else reads them.
        redirect_stdout=sys.stdout.isatty(),
    )
