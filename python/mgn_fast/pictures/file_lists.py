# SPDX-License-Identifier: Apache-2.0
"""Lists of pictures in a file, as `find` and other programs write them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from mgn_fast.common.files import is_directory, read_limited
from mgn_fast.errors import DatasetError
from mgn_fast.pictures.directories import list_pictures
from mgn_fast.pictures.sources import Listed
from mgn_fast.types import PathLike

MAX_LIST_BYTES = 1 << 30


def read_list(source: PathLike | BinaryIO) -> Listed:
    """The pictures that a file lists, one path a line.

    Lines end in a newline, or all of them in a zero byte, as `find -print0` writes them. Empty
    lines are skipped; nothing else is, and no pattern is expanded. Of a directory all pictures
    below it are taken.

    Args:
        source: the file, in UTF-8; paths are relative to its directory. Or an open binary stream,
            such as stdin: paths are relative to the current directory.

    Returns:
        At least one picture; names are the paths as they stand there.

    Raises:
        DatasetError: it cannot be read, is too large, or lists nothing.
        InvalidInputError: a directory without pictures.
    """
    if isinstance(source, (str, os.PathLike)):
        what, folder = f"list {os.fspath(source)!r}", Path(source).absolute().parent
        content = read_limited(source, MAX_LIST_BYTES, DatasetError, what="list")
    else:
        what, folder = "the list", Path.cwd()
        content = source.read(MAX_LIST_BYTES + 1)
        if len(content) > MAX_LIST_BYTES:
            raise DatasetError(f"{what} has more than {MAX_LIST_BYTES} bytes")
    lines = _lines(content)
    if not lines:
        raise DatasetError(f"{what} is empty, expected one path a line")
    pictures: list[tuple[str, Path]] = []
    for line in lines:
        path = folder / line
        if is_directory(path):
            found = list_pictures(path)
            # As typed: pathlib would take "./" away.
            names = [os.path.join(line, each.relative_to(path)) for each in found]  # noqa: PTH118
            pictures += zip(names, found, strict=True)
        else:
            pictures.append((line, path))
    return Listed(folder, [*pictures])


def _lines(content: bytes) -> list[str]:
    text = content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    if "\0" in text:
        return [line for line in text.split("\0") if line]
    lines = (line.removesuffix("\r") for line in text.split("\n"))
    return [line for line in lines if line.strip()]
