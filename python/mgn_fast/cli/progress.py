# SPDX-License-Identifier: Apache-2.0
"""What a command tells a person while it runs: on stderr, moving only where that is a terminal."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from ..plan import Progress, nobody

Item = TypeVar("Item")


def printable(text: str) -> str:
    """Text that cannot command a terminal: control characters, which names may hold, are escaped.

    Args:
        text: anything.

    Returns:
        One line.
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode()
        for c in text
    )


def say(text: str) -> None:
    """One line for the person at the terminal or reading the log.

    Args:
        text: the line; control characters are escaped.
    """
    print(printable(text), file=sys.stderr, flush=True)


def track(items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
    """Passes items through and shows their number, rate and time left, if stderr is a terminal.

    Args:
        items: any iterable.
        what: the line's title.
        total: how many there will be; None if not known.

    Yields:
        The items.
    """
    if not sys.stderr.isatty():
        yield from items
        return
    with _bars() as progress:
        task = progress.add_task(what, total=total, rate="")
        for item in items:
            yield item
            progress.advance(task)
            speed = progress.tasks[task].speed
            progress.update(task, rate=f"{speed:.1f}/s" if speed else "")


@contextlib.contextmanager
def stages() -> Iterator[Progress]:
    """Shows how far a run is that tells so itself, if stderr is a terminal.

    Yields:
        What to give the run: it takes the stage's title, how much of it is done, and how much there
        is.
    """
    if not sys.stderr.isatty():
        yield nobody
        return
    with _bars(count=False) as progress:
        tasks: dict[str, Any] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage, total=total, rate="")
            progress.update(tasks[stage], completed=done)

        yield show


def _bars(*, count: bool = True) -> Any:
    """Lines with a number of items, or with a percentage."""
    from rich import progress
    from rich.console import Console

    return progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn() if count else progress.TaskProgressColumn(),
        progress.TextColumn("{task.fields[rate]}"),
        progress.TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
