# SPDX-License-Identifier: Apache-2.0
"""What a caller may hand over as pictures: directories, files, bytes, arrays; and their names."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from mgn_fast.common.files import is_directory
from mgn_fast.errors import InvalidInputError
from mgn_fast.pictures.pixels import Source
from mgn_fast.types import PathLike

# What file managers and the Market-1501 archive itself leave beside pictures.
_BYSTANDERS = frozenset({"Thumbs.db", "desktop.ini"})


def list_pictures(directory: PathLike) -> list[Path]:
    """Every file below a directory, sorted by path; hidden files and `Thumbs.db` are left out.

    Files of other kinds stay in the list: they are reported when they fail to decode, not lost.

    Args:
        directory: searched with its subdirectories; links to directories are not followed.

    Returns:
        At least one path.

    Raises:
        InvalidInputError: no such directory, no file in it, or a part that cannot be read.
    """
    name = os.fspath(directory)
    if not name or not is_directory(name):
        raise InvalidInputError(f"{name!r} is no directory")
    found = [
        Path(folder, file)
        for folder, _, files in os.walk(name, onerror=_refuse_unreadable)
        for file in files
        if not file.startswith(".") and file not in _BYSTANDERS
    ]
    if not found:
        raise InvalidInputError(f"{name!r} holds no pictures")
    return sorted(found)


def all_pictures(given: Iterable[Path]) -> list[Path]:
    """The files given, and every file below the directories given, in that order.

    Args:
        given: files and directories; a file need not be there.

    Returns:
        At least one path for each.

    Raises:
        InvalidInputError: a directory without files, or a part that cannot be read.
    """
    return [
        path
        for entry in given
        for path in (list_pictures(entry) if is_directory(entry) else [entry])
    ]


def named(images: Any) -> Iterable[tuple[str, Source]]:
    """Pairs (name, picture) of whatever a caller may hand over as pictures.

    Args:
        images: a directory, one picture, or an iterable of pictures; an array [N, H, W, 3] is N.

    Returns:
        (name, picture): the name is the path as given, relative to a directory given, or `#0`,
        `#1`, ... for bytes and arrays.

    Raises:
        InvalidInputError: none of these, or a directory without files.
    """
    if isinstance(images, (str, os.PathLike)):
        if not is_directory(images):
            return [(os.fspath(images), images)]
        root = Path(images)
        return ((str(path.relative_to(root)), path) for path in list_pictures(root))
    if isinstance(images, (bytearray, memoryview)):
        images = bytes(images)
    if isinstance(images, bytes) or (isinstance(images, np.ndarray) and images.ndim != 4):
        images = [images]
    if not isinstance(images, Iterable):
        raise InvalidInputError(
            f"images is a {type(images).__name__}, expected pictures, a directory or an iterable"
        )
    return (
        (os.fspath(source) if isinstance(source, (str, os.PathLike)) else f"#{index}", source)
        for index, source in enumerate(images)
    )


def _refuse_unreadable(error: OSError) -> None:
    raise InvalidInputError(f"{error.filename!r} cannot be read: {error.strerror}") from error
