# SPDX-License-Identifier: Apache-2.0
"""What a caller may hand over as pictures: directories, patterns, files, what is in memory; names.

What is in a directory is listed by `directories`.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from mgn_fast.common.files import is_directory
from mgn_fast.errors import DecodeError, InvalidInputError
from mgn_fast.pictures.directories import list_pictures
from mgn_fast.pictures.given import file_bytes, is_file, is_one_picture
from mgn_fast.pictures.pixels import MAX_FILE_BYTES, Source
from mgn_fast.types import Crop, PathLike

# What a call takes: a directory, a pattern or one picture; or any number of pictures.
Pictures: TypeAlias = "Source | Iterable[Source]"


@dataclass(frozen=True)
class Listed:
    """Pictures in files, listed before any is opened.

    Attributes:
        folder: that names are relative to, unless they are absolute.
        pictures: (name, path or crop) of each.
    """

    folder: Path
    pictures: list[tuple[str, Path | Crop]]


def listed(given: PathLike | Iterable[PathLike | Crop]) -> Listed:
    """The pictures of one directory, with names relative to it, or of paths as they stand.

    Args:
        given: a directory, a file, a pattern such as "pictures/*.jpg", or paths and crops, among
            which directories stay as they are.

    Returns:
        The pictures.

    Raises:
        InvalidInputError: a directory without files, or a pattern that nothing matches.
    """
    if not isinstance(given, (str, os.PathLike)):
        return Listed(Path.cwd(), [(_name(entry), _as_path(entry)) for entry in given])
    if not is_directory(given):
        return Listed(Path.cwd(), [(str(path), path) for path in all_pictures([Path(given)])])
    root = Path(given)
    found = list_pictures(root)
    return Listed(root.absolute(), [(str(path.relative_to(root)), path) for path in found])


def all_pictures(given: Iterable[Path]) -> list[Path]:
    """The files given, what patterns match, and every file below directories, in that order.

    Args:
        given: files, directories, and patterns as `expanded` takes them; a file need not be there.

    Returns:
        At least one path for each.

    Raises:
        InvalidInputError: a directory without files, a part that cannot be read, or a pattern that
            nothing matches.
    """
    return [
        path
        for entry in expanded(given)
        for path in (list_pictures(entry) if is_directory(entry) else [entry])
    ]


def expanded(given: Iterable[Path]) -> list[Path]:
    """Paths, with those that the shell left as a pattern replaced by what matches them, sorted.

    A file or directory that really has such a name is meant, and no pattern.

    Args:
        given: paths; `*`, `?` and `[...]` stand for parts of one name, `**` for directories.

    Returns:
        At least one path for each.

    Raises:
        InvalidInputError: nothing matches a pattern.
    """
    paths: list[Path] = []
    for entry in given:
        if not glob.has_magic(str(entry)) or os.path.lexists(entry):
            paths.append(entry)
            continue
        matches = sorted(glob.glob(str(entry), recursive=True))  # noqa: PTH207 (keeps "./")
        if not matches:
            raise InvalidInputError(
                f"{str(entry)!r} is no file, and nothing matches it as a pattern; expected a file, "
                "a directory or a pattern such as 'pictures/*.jpg'"
            )
        paths += map(Path, matches)
    return paths


def named(images: Pictures) -> Iterable[tuple[str, Source]]:
    """Pairs (name, picture) of whatever a caller may hand over as pictures.

    Args:
        images: a directory, a pattern that is no file's name, one picture, or an iterable of
            pictures; an array or tensor [N, H, W, C] is N. A picture is what `decode` takes.

    Returns:
        (name, picture): the name is the path as given, relative to a directory given; a crop's
        name; or `#0`, `#1`, ... for what is in memory. Open files are read when they are taken.

    Raises:
        InvalidInputError: none of these, a directory without files, or nothing that matches.
    """
    if isinstance(images, (str, os.PathLike)):
        if is_directory(images) or glob.has_magic(os.fspath(images)):
            return [*listed(images).pictures]
        return [(os.fspath(images), images)]
    if is_one_picture(images) or isinstance(images, Crop):
        images = [images]
    if not isinstance(images, Iterable) or isinstance(images, dict):
        raise InvalidInputError(
            f"images is a {type(images).__name__}, expected pictures, a directory or an iterable"
        )
    return ((_name(source, index), _taken(source, index)) for index, source in enumerate(images))


def in_files(images: Pictures) -> list[tuple[str, Source]]:
    """Of what a caller hands over, the pictures that lie in files and are all known beforehand.

    Args:
        images: as `named` takes it; an iterator is not touched.

    Returns:
        (name, path or crop) with the names that `named` gives.

    Raises:
        InvalidInputError: as `named`.
    """
    if isinstance(images, (str, os.PathLike)):
        return [*named(images)]
    if not isinstance(images, (list, tuple)):
        return []
    kinds = (str, os.PathLike, Crop)
    return [(_name(source), source) for source in images if isinstance(source, kinds)]


def _name(source: Any, index: int = 0) -> str:
    if isinstance(source, (str, os.PathLike)):
        return os.fspath(source)
    return str(source) if isinstance(source, Crop) else f"#{index}"


def _taken(source: Any, index: int) -> Source:
    """The picture; of an open file its bytes, which may be closed by the time it is decoded."""
    if not is_file(source):
        return source
    try:
        return file_bytes(source, f"#{index}", MAX_FILE_BYTES)
    except DecodeError:
        return source  # to be told of where pictures are decoded


def _as_path(entry: PathLike | Crop) -> Path | Crop:
    return entry if isinstance(entry, Crop) else Path(entry)
