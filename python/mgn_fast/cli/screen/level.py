# SPDX-License-Identifier: Apache-2.0
"""How much a command says beside its results: the one place that knows."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

# What a command's parser sets; not there unless given, so that nothing else sees them.
OPTIONS = ("quiet", "verbose")

_level = ""  # one of them, "" without any


def add_level_options(parser: Any) -> None:
    """`--quiet` and `--verbose`, one of which a command takes.

    Args:
        parser: of the command.
    """
    group = parser.add_argument_group("messages").add_mutually_exclusive_group()
    group.add_argument(
        "-q",
        "--quiet",
        action="store_true",
        default=argparse.SUPPRESS,
        help="results, warnings and errors only",
    )
    group.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        default=argparse.SUPPRESS,
        help="tell the settings in use and where the time went; an error with its traceback",
    )


def set_level(arguments: argparse.Namespace) -> None:
    """Sets --quiet or --verbose until it is set again.

    Args:
        arguments: parsed.
    """
    global _level
    _level = next((name for name in OPTIONS if getattr(arguments, name, False)), "")


def is_quiet() -> bool:
    """Whether notes and progress are not wanted."""
    return _level == "quiet"


def is_verbose() -> bool:
    """True if --verbose asked for details."""
    return _level == "verbose"


def draws_progress() -> bool:
    """Whether progress is to be drawn: somebody looks at stderr, and did not ask for quiet."""
    # Some editors show a terminal that cannot move its cursor.
    can_move = os.environ.get("TERM") not in ("dumb", "unknown")
    return can_move and not is_quiet() and sys.stderr.isatty()
