# SPDX-License-Identifier: Apache-2.0
"""What a command tells a person while it runs: on stderr, moving only where that is a terminal."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from mgn_fast.cli.screen.course import Course, Step
from mgn_fast.cli.screen.level import draws_progress, is_quiet, is_verbose
from mgn_fast.common.bottleneck import NOUNS
from mgn_fast.common.progress import Progress
from mgn_fast.common.text import printable

if TYPE_CHECKING:
    from mgn_fast.cli.screen.bars import Bars

Item = TypeVar("Item")

# What has to be heard also by who asked for quiet.
_WARNING = "warning: "


# The command that this process runs, and its lines while any are drawn.
_course = Course()
_bars: Bars | None = None


def begin_run(course: Course) -> None:
    """Forgets the command before: everything below is about this one from here on.

    Args:
        course: new.
    """
    global _course
    stop_drawing()
    _course = course


def stop_drawing() -> None:
    """Takes away what moves, so that last words stay. May be called again."""
    global _bars
    bars, _bars = _bars, None
    if bars is not None:
        bars.stop()


def say(text: str, *, always: bool = False) -> None:
    """One line for the person at the terminal or reading the log.

    Args:
        text: the line; control characters are escaped. What begins with "warning: " is said with
            --quiet too.
        always: say anything else with --quiet too: it is needed to understand the results.
    """
    if always or not is_quiet() or text.startswith(_WARNING):
        _write(printable(text))


def detail(text: str) -> None:
    """Says one line if --verbose asked for details.

    Args:
        text: the line; control characters are escaped.
    """
    if is_verbose():
        _write(printable(text))


def say_if_interrupted(text: str) -> None:
    """What is there to go on with if the command is interrupted from here on; the last call counts.

    It ends the line "mgn-fast: interrupted at embedding: 300 of 1,000 pictures; ", in the place of
    what becomes of the files that --output names.

    Args:
        text: such as "people.gallery keeps them; the same command goes on from there". "" takes it
            back.
    """
    _course.kept = text


def bottleneck_words() -> str:
    """What embedding was bound by, for the line that ends a command.

    Returns:
        Such as "bound by the model"; "" where that is not known.
    """
    bottleneck = _course.tally.overall()
    return "" if bottleneck is None else f"bound by {NOUNS[bottleneck]}"


def track(
    items: Iterable[Item], what: str, total: int | None = None, unit: str = "pictures"
) -> Iterator[Item]:
    """Passes items through and shows their number, rate and time left, if stderr is a terminal.

    While pictures are embedded, what they are bound by is shown too.

    Args:
        items: any iterable.
        what: the line's title, such as "embedding".
        total: how many there will be; None if not known.
        unit: what they are.

    Yields:
        The items.
    """
    step = _begin(what, total, unit)
    for item in items:
        yield item
        step.done += 1
    _finish(step)


@contextlib.contextmanager
def stages(unit: str = "") -> Iterator[Progress]:
    """Shows how far a run is that tells so itself, if stderr is a terminal.

    Args:
        unit: what the run counts; "" shows percentages.

    Yields:
        What to give the run: it takes the stage's title, how much of it is done, and how much there
        is.
    """
    steps: dict[str, Step] = {}

    def show(stage: str, done: int, total: int) -> None:
        step = steps.get(stage)
        if step is None or (step.ended_s is not None and done < total):
            step = steps[stage] = _begin(stage, total, unit)
        if step.ended_s is None:
            step.done = done
            if done >= total:
                step.finish()  # its line stays as long as another is under way

    yield show
    for step in steps.values():
        if step.ended_s is None:
            step.finish()
    _settle()


@contextlib.contextmanager
def working(what: str) -> Iterator[None]:
    """Shows that something is being done and for how long, if stderr is a terminal.

    Args:
        what: such as "exporting".

    Yields:
        Nothing.
    """
    step = _begin(what, 0, "")
    yield
    _finish(step)


def _begin(title: str, total: int | None, unit: str) -> Step:
    global _bars
    # File names are in titles, and must not command the terminal.
    step = _course.begin(printable(title), total, unit)
    if draws_progress():
        from mgn_fast.cli.screen.bars import Bars

        _bars = _bars or Bars(_course)
        _bars.show(step)
    return step


def _finish(step: Step) -> None:
    """Only where all went well: a step that is not over says where a command ended."""
    step.finish()
    _settle()


def _settle() -> None:
    """Nothing is drawn while no step is under way."""
    if _course.under_way() is None:
        stop_drawing()


def _write(line: str) -> None:
    if _bars is None:
        print(line, file=sys.stderr, flush=True)
    else:
        _bars.console.print(line, markup=False, highlight=False, soft_wrap=True)
