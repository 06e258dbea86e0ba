# SPDX-License-Identifier: Apache-2.0
"""Pictures in a directory per person: the directory's name says who is on them.

Reads names only, like `layouts`; cameras are found in names by a pattern that the user gives.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from mgn_fast.common.files import is_directory
from mgn_fast.common.walking import files_below, is_kept_out
from mgn_fast.datasets.layouts import PICTURE_SUFFIXES
from mgn_fast.datasets.split import Split, labelled
from mgn_fast.errors import DatasetError, InvalidInputError

QUERY, GALLERY = "query", "gallery"


def read_folders(root: Path, camera: str | None = None) -> tuple[Split, Split, list[str]]:
    """Query and gallery pictures below `root`/query/PERSON and `root`/gallery/PERSON.

    Where there are no two such directories, persons' directories lie in the root itself, every
    picture is a query, and all are the gallery. Pictures may lie deeper in a person's directory.

    Args:
        root: the directory.
        camera: a regular expression that is searched for in a picture's path below its person's
            directory; its first group, or all of it, is the camera. None where nobody knows.

    Returns:
        Queries, gallery, and what has to be said of them, pictures in order of name. Without two
        directories both are one object.

    Raises:
        DatasetError: no such directory, no person in it, a picture in no person's directory, or one
            in whose path the pattern is not found.
        InvalidInputError: the pattern is none.
    """
    pattern = _compiled(camera)
    if not is_directory(root):
        raise DatasetError(f"root {str(root)!r} is no directory, expected one that holds persons'")
    places = [root / name for name in (QUERY, GALLERY)]
    if not all(map(is_directory, places)):
        both, notes = _read(root, [root], pattern)
        said = "there are no directories 'query' and 'gallery': every picture is a query among all"
        return both[0], both[0], [f"{said} others", *notes]
    (query, gallery), notes = _read(root, places, pattern)
    return query, gallery, notes


def _read(
    root: Path, places: list[Path], camera: re.Pattern[str] | None
) -> tuple[list[Split], list[str]]:
    """A split for each place. Words are numbered by all of them, so that splits agree."""
    found, others = [], []
    for place in places:
        pictures = sorted(map(Path, files_below(place)))
        found.append([path for path in pictures if path.suffix.lower() in PICTURE_SUFFIXES])
        others += [path for path in pictures if path.suffix.lower() not in PICTURE_SUFFIXES]
    paths = [path for pictures in found for path in pictures]
    below = [
        path.relative_to(place) for place, own in zip(places, found, strict=True) for path in own
    ]
    for path, rest in zip(paths, below, strict=True):
        if len(rest.parts) < 2:
            raise DatasetError(
                f"{str(path)!r} lies in no person's directory, expected {str(root)!r} to hold a "
                "directory for each person, or 'query' and 'gallery' that do"
            )
    everything = labelled(
        paths,
        [str(path.relative_to(root)) for path in paths],
        [rest.parts[0] for rest in below],
        None if camera is None else [_camera(Path(*rest.parts[1:]), camera) for rest in below],
    )
    splits, first = [], 0
    for place, pictures in zip(places, found, strict=True):
        split = everything.without_junk(range(first, first + len(pictures)))
        if len(split) == 0:
            raise DatasetError(
                f"{str(place)!r} holds no picture of a person, expected at least one"
            )
        splits.append(split)
        first += len(pictures)
    return splits, _notes(root, places, others)


def _notes(root: Path, places: list[Path], others: list[Path]) -> list[str]:
    notes = []
    if others:
        notes.append(
            f"{len(others)} files are no pictures by their names and were left out, the first "
            f"{str(others[0].relative_to(root))!r}"
        )
    if places == [root]:
        return notes
    ours = {place.name for place in places}
    entries = sorted(entry.name for entry in os.scandir(root) if entry.is_dir())
    beside = [n for n in entries if n not in ours and not is_kept_out(n, is_directory=True)]
    if beside:
        notes.append(f"{len(beside)} more directories were left out, the first {beside[0]!r}")
    return notes


def _compiled(camera: str | None) -> re.Pattern[str] | None:
    if camera is None:
        return None
    try:
        return re.compile(camera)
    except (re.error, TypeError, RecursionError, OverflowError) as error:
        raise InvalidInputError(
            f"camera is {camera!r}, expected a regular expression such as '_c(\\d+)_': {error}"
        ) from error


def _camera(path: Path, pattern: re.Pattern[str]) -> str:
    match = pattern.search(str(path))
    found = match and (match[1] if pattern.groups else match[0])
    if not found:
        raise DatasetError(
            f"picture {str(path)!r} has no camera by the pattern {pattern.pattern!r}, expected one "
            "in every picture's path below its person's directory"
        )
    return found
