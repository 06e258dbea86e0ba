# SPDX-License-Identifier: Apache-2.0
"""The files below a directory that may be pictures, links followed; and what among them is none.

Reads names, and of files their first bytes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

from mgn_fast.common.files import is_directory
from mgn_fast.common.walking import files_below
from mgn_fast.errors import InvalidInputError
from mgn_fast.pictures.headers import HeaderError, sniff
from mgn_fast.types import Crop, PathLike

_FIRST_BYTES = 32
_FILES_A_TASK = 256
# Files that wait for a disk at once: from a cold one 100,000 take 9 s, and 25 s one by one.
_READERS = 8


def list_pictures(directory: PathLike) -> list[Path]:
    """Every file below a directory, sorted by path; what is hidden or kept beside is left out.

    Links to directories are followed, each directory once. Left out are files and directories
    whose names begin with a dot, `Thumbs.db` and `desktop.ini`, and the directories in which
    systems keep thumbnails and what was deleted (`@eaDir`, `$RECYCLE.BIN`, `lost+found`, `__MACOSX`
    and the like). Files of other kinds stay in the list: they are reported, not lost.

    Args:
        directory: searched with its subdirectories, whatever its own name is.

    Returns:
        At least one path.

    Raises:
        InvalidInputError: no such directory, no file in it, or a part that cannot be read.
    """
    name = os.fspath(directory)
    if not name or not is_directory(name):
        raise InvalidInputError(f"{name!r} is no directory")
    found = [Path(path) for path in files_below(name)]
    if not found:
        raise InvalidInputError(f"{name!r} holds no pictures")
    return sorted(found)


def strangers(sources: Iterable[tuple[str, Any]]) -> list[tuple[str, str]]:
    """What by its first bytes is no picture, or cannot be read, among pictures in files.

    Args:
        sources: (name, picture) of any kind; those that are not in files are taken for pictures.

    Returns:
        (name, reason) in their order.
    """
    paths = [(name, path) for name, source in sources if (path := _path_of(source)) is not None]
    tasks = [paths[start : start + _FILES_A_TASK] for start in range(0, len(paths), _FILES_A_TASK)]
    with ThreadPoolExecutor(_READERS, thread_name_prefix="mgn_fast-sniff") as pool:
        return [stranger for part in pool.map(_strangers, tasks) for stranger in part]


def in_words(found: Sequence[tuple[str, str]], total: int, remedy: str) -> str:
    """What `strangers` found, as a message.

    Args:
        found: at least one.
        total: of the pictures that were looked at.
        remedy: what to do.

    Returns:
        One sentence with the first three names.
    """
    if len(found) == 1:
        return f"{found[0][1]}; {remedy}"
    names = ", ".join(repr(name) for name, _ in islice(found, 3))
    more = f" and {len(found) - 3:,} more" if len(found) > 3 else ""
    return (
        f"{len(found):,} of {total:,} files are no readable pictures: {names}{more}; "
        f"the first: {found[0][1]}; {remedy}"
    )


def _path_of(source: Any) -> PathLike | None:
    if isinstance(source, Crop):
        source = source.frame
    return source if isinstance(source, (str, os.PathLike)) else None


def _strangers(paths: Sequence[tuple[str, PathLike]]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    last: tuple[PathLike | None, str] = None, ""
    for name, path in paths:
        if path != last[0]:  # crops of one frame come together
            last = path, _why_none(path)
        if last[1]:
            found.append((name, last[1]))
    return found


def _why_none(path: PathLike) -> str:
    """Why a file is no picture, as decoding it would say; "" for one that may be."""
    try:
        # As `open_regular`, and a third of its time: what is no regular file gives no picture.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            first = os.read(descriptor, _FIRST_BYTES)
        finally:
            os.close(descriptor)
        sniff(first)
    except HeaderError as error:
        return f"{os.fspath(path)} is no readable picture: {error}"
    except (OSError, ValueError) as error:
        return f"{os.fspath(path)!r} cannot be read: {getattr(error, 'strerror', None) or error}"
    return ""
