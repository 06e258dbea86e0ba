# SPDX-License-Identifier: Apache-2.0
"""Files that commands make for people: pages, sheets, tables; tried before the work begins."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from mgn_fast.cli.options import path_argument
from mgn_fast.common.checks import output_name
from mgn_fast.common.extras import require_extra
from mgn_fast.common.files import replacing
from mgn_fast.report.kit.templates import SUFFIXES as PAGE_SUFFIXES
from mgn_fast.report.sheet import SUFFIXES as SHEET_SUFFIXES


def add_page_files(
    parser: argparse.ArgumentParser, *, page: str, sheet: str
) -> argparse._ArgumentGroup:
    """Adds --html and --png.

    Args:
        parser: gets the options.
        page: what the page holds, for the help.
        sheet: what the sheet holds.

    Returns:
        The options' group, for those that say what is drawn.
    """
    group = parser.add_argument_group("pictures for people")
    group.add_argument("--html", type=path_argument, metavar="PAGE", help=page)
    group.add_argument("--png", type=path_argument, metavar="SHEET", help=sheet)
    return group


@contextlib.contextmanager
def open_page_files(arguments: argparse.Namespace) -> Iterator[tuple[Path | None, Path | None]]:
    """Files to draw into, which get their names when the block ends well.

    Args:
        arguments: the parsed command line.

    Yields:
        Temporary paths for the page and the sheet; None for what was not asked for.

    Raises:
        RuntimeUnavailableError: the report extra is not installed.
        InvalidInputError: a file name with another ending, or a place that cannot be written.
    """
    wanted = ((arguments.html, PAGE_SUFFIXES), (arguments.png, SHEET_SUFFIXES))
    for path, suffixes in wanted:
        if path is not None:
            require_extra("report", "jinja2", "matplotlib")
            output_name(path, *suffixes)
    with contextlib.ExitStack() as stack:
        html, png = (
            None if path is None else stack.enter_context(replacing(path)) for path, _ in wanted
        )
        yield html, png


@contextlib.contextmanager
def open_page(path: Path | None) -> Iterator[Path | None]:
    """A file for a page alone, which gets its name when the block ends well; None for none.

    Args:
        path: the page's file.

    Yields:
        A temporary path.

    Raises:
        RuntimeUnavailableError: the report extra is not installed.
        InvalidInputError: a file name with another ending, or a place that cannot be written.
    """
    page = argparse.Namespace(html=path, png=None)
    with open_page_files(page) as (html, _):
        yield html


def csv_output(path: Path | None) -> AbstractContextManager[Path | None]:
    """As `output_file`, for a table: a name that ends in .csv, in capitals too."""
    return output_file(path, ".csv", exact=False)


def output_file(
    path: Path | None, suffix: str, *, exact: bool = True
) -> AbstractContextManager[Path | None]:
    """A file for an option, which gets its name when the block ends well; None where none is asked.

    Args:
        path: that the option gave.
        suffix: that its name has to have.
        exact: capitals are not the same.

    Returns:
        A context that gives a temporary path, or None.

    Raises:
        InvalidInputError: another ending; on entering, the place is not writable.
    """
    if path is None:
        return contextlib.nullcontext()
    return replacing(output_name(path, suffix, exact=exact))
