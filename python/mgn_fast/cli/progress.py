# SPDX-License-Identifier: Apache-2.0
"""What a command tells a person while it runs: on stderr, moving only where that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

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
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total, rate="")
        for item in items:
            yield item
            progress.advance(task)
            speed = progress.tasks[task].speed
            progress.update(task, rate=f"{speed:.1f}/s" if speed else "")
