# SPDX-License-Identifier: Apache-2.0
"""What a command that was interrupted says last: how far it was, and what there is now."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from mgn_fast.cli.screen.course import Course

# The arguments that name files to write. Elsewhere some of them are switches.
_OUTPUTS = ("output", "json", "csv", "markdown", "html", "png", "trace")


class OutputFiles:
    """The files that a command is to write, as they were before it began.

    Args:
        arguments: parsed.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        given = [getattr(arguments, name, None) for name in _OUTPUTS]
        self._before = {path: _state(path) for path in given if isinstance(path, Path)}

    def fate(self) -> str:
        """What has become of the output files, in words.

        Returns:
            Such as "people.npy was not written"; "" if there are none.
        """
        fates: dict[str, list[str]] = {}
        for path, before in self._before.items():
            now = _state(path)
            unchanged = "not written" if now is None else "left as before"
            fates.setdefault(unchanged if now == before else "written", []).append(str(path))
        return "; ".join(
            f"{' and '.join(names)} {'was' if len(names) == 1 else 'were'} {fate}"
            for fate, names in fates.items()
        )


def last_line(how: str, course: Course, outputs: OutputFiles) -> str:
    """The line an interrupted command ends with: how far it came, and what became of its files.

    Args:
        how: it ended, such as "interrupted".
        course: of the command.
        outputs: of the command.

    Returns:
        Such as "interrupted at embedding: 300 of 1,000 pictures; people.npy was not written".
    """
    step = course.under_way()
    where = how if step is None else f"{how} at {step.where()}"
    return "; ".join(filter(None, [where, course.kept or outputs.fate()]))


def _state(path: Path) -> tuple[int, int, int] | None:
    """Of a file, so that another one in its place is noticed; None if there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 (a name that is too long is no error)
    except (OSError, ValueError):
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
