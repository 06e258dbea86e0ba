# SPDX-License-Identifier: Apache-2.0
"""Draws the steps of a command on a terminal: rich's bars, rates and remaining times, a line each.

Is imported when the first step is drawn: rich takes a while to load.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import timedelta

from rich import progress
from rich.console import Console, RenderableType
from rich.filesize import pick_unit_and_suffix
from rich.text import Text

from mgn_fast.cli.screen.course import Course, Step

# What stands beside the bar takes so much of a line.
_BESIDES = 70
_NARROWEST, _WIDEST = 6, 30
_ENDING = "ending; Ctrl-C once more ends at once"
# Of so long the rate is told. Blocks of re-ranking and batches of a large model take seconds.
_RATE_WINDOW_S = 60.0


class Bars(progress.Progress):
    """The lines of a command, which go away when it stops.

    Args:
        course: whose steps are drawn.
    """

    def __init__(self, course: Course) -> None:
        console = Console(stderr=True)
        super().__init__(
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(max(_NARROWEST, min(_WIDEST, console.width - _BESIDES))),
            _State(course),
            console=console,
            transient=True,
            # Lines for stdout belong there, not among ours, where somebody else reads them.
            redirect_stdout=sys.stdout.isatty(),
            speed_estimate_period=_RATE_WINDOW_S,
        )

    def show(self, step: Step) -> None:
        """Adds a line that follows the step; one of the same title that is over makes room."""
        for task in self.tasks:
            if task.description == step.title and task.fields["step"].ended_s is not None:
                self.remove_task(task.id)
        added = self.add_task(step.title, total=step.total or None, step=step)
        self.advance(added, 0)  # rich measures from the first note on, not from the beginning
        self.start()

    def get_renderables(self) -> Iterable[RenderableType]:
        """The lines as they are at this refresh.

        Asking the steps here, a few times a second, counts a batch of pictures as one note: each
        noted by itself, the pictures of one batch would look like thousands a second.

        Returns:
            What rich draws.
        """
        with self._lock:  # no line goes meanwhile
            for task in self.tasks:
                if more := task.fields["step"].done - task.completed:
                    self.advance(task.id, more)
        return super().get_renderables()


class _State(progress.ProgressColumn):
    """Beside the bar: one text, of which a narrow terminal cuts the end."""

    def __init__(self, course: Course) -> None:
        super().__init__()
        self._course = course

    def render(self, task: progress.Task) -> Text:
        step: Step = task.fields["step"]
        parts = [step.amount(), _rate(task), _time(task, step)]
        if self._course.interrupted:
            parts[1:] = [_ENDING]
        elif step is self._course.under_way() and (bound := self._course.bottleneck()):
            parts.append(f"bound by {bound}")
        return Text("  ".join(filter(None, parts)), no_wrap=True, overflow="ellipsis")


def _rate(task: progress.Task) -> str:
    speed = task.finished_speed or task.speed
    if not speed:
        return ""
    if speed < 1:
        return f"{1 / speed:,.1f} s each"
    unit, sign = pick_unit_and_suffix(int(speed), ["", "k", "M", "G"], 1000)
    return f"{speed / unit:,.1f}{sign}/s"


def _time(task: progress.Task, step: Step) -> str:
    """That is left; or was taken, where the step is over or cannot tell."""
    left_s = None if step.ended_s is not None else task.time_remaining
    shown = str(timedelta(seconds=int(step.seconds if left_s is None else left_s)))
    return shown.removeprefix("0:") + ("" if left_s is None else " left")
