# SPDX-License-Identifier: Apache-2.0
"""Who is on which picture, from a CSV file that its user wrote."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from mgn_fast.common.files import read_limited
from mgn_fast.errors import DatasetError
from mgn_fast.types import Identities, PathLike

MAX_BYTES = 1 << 30
_COLUMNS = ("path", "person", "camera")


@dataclass(frozen=True)
class LabelledPictures:
    """Pictures with who is on them, in the file's order.

    Attributes:
        paths: of the pictures.
        identities: persons numbered by first appearance; cameras likewise, and without a column
            `camera` each picture has its own, so that nothing but the picture itself is junk.
    """

    paths: tuple[Path, ...]
    identities: Identities

    def __len__(self) -> int:
        return len(self.paths)


def read_labels(path: PathLike) -> LabelledPictures:
    """The pictures that a CSV file lists, with the person on each.

    Args:
        path: a CSV file in UTF-8 whose first line names the columns `path` and `person`, and
            `camera` where that is known. Paths are relative to the file's directory; persons and
            cameras may be any words.

    Returns:
        At least one picture.

    Raises:
        DatasetError: the file cannot be read, lacks a column, has a row of another length or an
            empty cell, or lists a picture twice.
    """
    place = Path(path)
    rows = _rows(place)
    paths = [place.parent / row[0] for row in rows]
    if len(set(paths)) != len(paths):
        twice = next(p for p in paths if paths.count(p) > 1)
        raise DatasetError(f"labels {str(place)!r} list {str(twice)!r} twice")
    person = _numbered([row[1] for row in rows])
    camera = _numbered([row[2] for row in rows]) if len(rows[0]) > 2 else None
    pictures = [str(path.absolute()) for path in paths]
    return LabelledPictures(tuple(paths), Identities(person, camera, pictures=pictures))


def _rows(path: Path) -> list[list[str]]:
    """The cells of path, person and, if it is there, camera of every line."""
    try:
        text = read_limited(path, MAX_BYTES, DatasetError, what="labels").decode("utf-8-sig")
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"labels {str(path)!r} are no CSV in UTF-8: {error}") from error
    header = [name.strip().lower() for name in lines[0]] if lines else []
    if not {"path", "person"} <= set(header) or len(set(header)) != len(header):
        raise DatasetError(
            f"labels {str(path)!r} begin with {', '.join(header)[:200]!r}, expected a line that "
            "names the columns: path, person and, where it is known, camera"
        )
    places = [header.index(name) for name in _COLUMNS if name in header]
    rows = []
    for number, line in enumerate(lines[1:], 2):
        if not line:
            continue
        if len(line) != len(header) or not all(line[place].strip() for place in places):
            raise DatasetError(
                f"labels {str(path)!r}, line {number}, are {','.join(line)[:200]!r}, expected "
                f"{len(header)} cells, those of {', '.join(header[p] for p in places)} not empty"
            )
        rows.append([line[place].strip() for place in places])
    if not rows:
        raise DatasetError(f"labels {str(path)!r} list no picture")
    return rows


def _numbered(words: list[str]) -> list[int]:
    """Each word's number, by first appearance, from 1: 0 would be a distractor."""
    numbers: dict[str, int] = {}
    return [numbers.setdefault(word, len(numbers) + 1) for word in words]
