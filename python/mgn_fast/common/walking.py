# SPDX-License-Identifier: Apache-2.0
"""The files below a directory that a user keeps there: links followed, strangers left out."""

from __future__ import annotations

import os
from collections.abc import Iterator

from mgn_fast.errors import InvalidInputError
from mgn_fast.types import PathLike

# What file managers, archives and the Market-1501 archive itself leave beside pictures, lower case.
_BYSTANDERS = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini"})
# What keeps other things than a user's files: thumbnails, what was deleted, what was repaired.
_STORES = frozenset(
    {
        "@eadir", "#recycle", "@recycle", "$recycle.bin", "lost+found", "__macosx",
        "system volume information",
    }
)  # fmt: skip


def files_below(directory: PathLike) -> Iterator[str]:
    """The paths of all files below a directory, in no order.

    Links to directories are followed, each directory once, by its own place before any link to it.
    Left out are files and directories whose names begin with a dot, `Thumbs.db` and
    `desktop.ini`, and the directories in which systems keep thumbnails and what was deleted
    (`@eaDir`, `$RECYCLE.BIN`, `lost+found`, `__MACOSX` and the like).

    Args:
        directory: searched with its subdirectories, whatever its own name is.

    Yields:
        Paths that begin with the directory as given.

    Raises:
        InvalidInputError: a part that cannot be read.
    """
    seen: set[tuple[int, int]] = set()
    links = [os.fspath(directory)]
    # Real directories first, so that what a link shows has its own name where it has one.
    while links:
        links.sort()
        found: list[str] = []
        for start in links:
            below = [start]
            while below:
                folder = below.pop()
                if _is_new(folder, seen):
                    yield from _entries(folder, below, found)
        links = found


def is_kept_out(name: str, *, is_directory: bool) -> bool:
    """Whether an entry of a directory is hidden, or is what systems keep beside a user's files."""
    name = name.lower()
    return name.startswith(".") or name in (_STORES if is_directory else _BYSTANDERS)


def _is_new(folder: str, seen: set[tuple[int, int]]) -> bool:
    try:
        about = os.stat(folder)  # noqa: PTH116 (a hundred thousand times)
    except OSError as error:
        raise _unreadable(error) from error
    key = about.st_dev, about.st_ino
    is_new = key not in seen
    seen.add(key)
    return is_new


def _entries(folder: str, below: list[str], links: list[str]) -> Iterator[str]:
    """The files of a directory; adds its directories and its links to directories to the lists."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                is_directory = entry.is_dir()
                if is_kept_out(entry.name, is_directory=is_directory):
                    continue
                if not is_directory:
                    yield entry.path
                else:
                    (links if entry.is_symlink() else below).append(entry.path)
    except OSError as error:
        raise _unreadable(error) from error


def _unreadable(error: OSError) -> InvalidInputError:
    return InvalidInputError(f"{error.filename!r} cannot be read: {error.strerror}")
