# SPDX-License-Identifier: Apache-2.0
"""Boxes that a file lists: crops out of frames, as tables and MOTChallenge's files have them."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from mgn_fast.common.files import read_limited
from mgn_fast.datasets.label_file import box_of
from mgn_fast.datasets.tables import MAX_BYTES, Table, read_table
from mgn_fast.errors import DatasetError
from mgn_fast.pictures.sources import Listed
from mgn_fast.types import Box, Crop, PathLike

# What columns may be called; the first is ours.
_COLUMNS = {
    "frame": ("frame", "path"),
    "x": ("x", "bb_left"),
    "y": ("y", "bb_top"),
    "w": ("w", "width", "bb_width"),
    "h": ("h", "height", "bb_height"),
    "person": ("person", "id"),
    "name": ("name",),
}
_NEEDED = ("frame", "x", "y", "w", "h")
_MOT_COLUMNS = ("frame", "person", "x", "y", "w", "h")
_NOBODY = "-1"  # a detection that no track has


@dataclass(frozen=True, eq=False)
class Boxes:
    """Crops that a file lists.

    Attributes:
        listed: the crops by frame, those of a frame as they stand in the file, with their names.
        persons: who is on a crop, by its name, where the file says it; None where it says nobody.
        unknown: (name, reason) of boxes whose frame is not among those given.
        num_without: frames among those given that no box is of.
    """

    listed: Listed
    persons: dict[str, str] | None
    unknown: list[tuple[str, str]]
    num_without: int = 0


# By what rows call them: place in the order, name, path.
_Frames: TypeAlias = "dict[str, tuple[int, str, Path | Crop]]"


@dataclass(frozen=True)
class _Row:
    where: str
    frame: str
    box: Box
    person: str
    name: str


def read_boxes(path: PathLike, frames: Listed | None = None) -> Boxes:
    """The crops that a file lists.

    Args:
        path: a table (.csv, .tsv, .json, .jsonl, .parquet) with the columns `frame` (or `path`),
            `x`, `y`, `w` (`width`), `h` (`height`) and, where they are known, `person` (or `id`)
            and `name`; or MOTChallenge's rows without a header: frame, id, x, y, w, h and more.
            Positions are in pixels and counted from 0 in both; no row is left out for its
            confidence or class.
        frames: among which a frame is looked for by its name, by the name of its file alone, or by
            the number that this ends in; None takes it for a path relative to the file's directory.

    Returns:
        The crops. One without a name of its own is called by its frame, "#" and the box, and the
        second of that name has "#2" behind it.

    Raises:
        DatasetError: it cannot be read, lacks a column, has a row that is no box, gives a name
            twice, or asks for a frame that two are.
    """
    rows = _mot_rows(Path(path)) if _is_headerless(Path(path)) else _table_rows(path)
    if frames is None:
        folder = Path(path).absolute().parent
        seen: dict[str, int] = {}
        order = {row.frame: seen.setdefault(row.frame, len(seen)) for row in rows}
        found: _Frames = {name: (place, name, folder / name) for name, place in order.items()}
    else:
        folder = frames.folder
        found = _found(rows, frames, f"boxes {os.fspath(path)!r}")
    known = sorted((row for row in rows if row.frame in found), key=lambda row: found[row.frame][0])
    crops, persons = _crops(known, found, f"boxes {os.fspath(path)!r}")
    unknown = [
        (f"{row.frame}#{row.box}", f"{row.where}: frame {row.frame!r} is none of those given")
        for row in rows
        if row.frame not in found
    ]
    num_without = 0 if frames is None else len(frames.pictures) - len(set(found.values()))
    return Boxes(Listed(folder, [*crops]), persons, unknown, num_without)


def _crops(
    rows: Sequence[_Row], found: _Frames, what: str
) -> tuple[list[tuple[str, Crop]], dict[str, str] | None]:
    crops: dict[str, Crop] = {}
    persons: dict[str, str] = {}
    counts: dict[str, int] = {}
    for row in rows:
        _, frame_name, path = found[row.frame]
        name = row.name or f"{frame_name}#{row.box}"
        if not row.name:
            counts[name] = counts.get(name, 0) + 1
            name += f"#{counts[name]}" if counts[name] > 1 else ""
        if name in crops:
            raise DatasetError(f"{what} give the name {name!r} twice, expected each once")
        crops[name] = Crop(_path_of(path), row.box, name)
        if row.person:
            persons[name] = row.person
    return list(crops.items()), persons or None


def _found(rows: Sequence[_Row], frames: Listed, what: str) -> _Frames:
    """The frames among those given: by name, else by file name, else by number."""
    named = {name: (place, name, path) for place, (name, path) in enumerate(frames.pictures)}
    wanted = {row.frame for row in rows}
    found: _Frames = {frame: named[frame] for frame in wanted if frame in named}
    by_file = _unique(frames, wanted - set(found), lambda name: Path(name).name, what)
    found |= {frame: named[name] for frame, name in by_file.items()}
    numbers = {frame: int(frame) for frame in wanted - set(found) if re.fullmatch(r"\d+", frame)}
    by_number = _unique(frames, set(numbers.values()), _number_of, what)
    return found | {
        frame: (number, *named[by_number[number]][1:])
        for frame, number in numbers.items()
        if number in by_number
    }


def _unique(
    frames: Listed, asked: set[Any], key: Callable[[str], Any], what: str
) -> dict[Any, str]:
    """Names of the frames that have a key that is asked for; refused where two have one."""
    found: dict[Any, str] = {}
    for name, _ in frames.pictures if asked else ():
        if (value := key(name)) not in asked:
            continue
        if value in found:
            raise DatasetError(
                f"{what} ask for frame {value}, and both {found[value]!r} and {name!r} are it; "
                "expected one directory of frames, or frames by their names there"
            )
        found[value] = name
    return found


def _number_of(name: str) -> int | None:
    digits = re.search(r"(\d{1,18})$", Path(name).stem)
    return None if digits is None else int(digits[1])


def _path_of(frame: Path | Crop) -> Path:
    if isinstance(frame, Crop):
        raise DatasetError(f"boxes are of frames, and {str(frame)!r} is a crop")
    return frame


def _is_headerless(path: Path) -> bool:
    """Whether the first cell of a text file is a number, as in MOTChallenge's files."""
    if path.suffix.lower() not in (".csv", ".txt"):
        return False
    lines = _text(path).split("\n", 1)
    return re.fullmatch(r"[\d.]+", re.split(r"[,;\s]", lines[0].strip())[0]) is not None


def _text(path: Path) -> str:
    content = read_limited(path, MAX_BYTES, DatasetError, what="boxes")
    return content.decode("utf-8-sig", "replace")


def _mot_rows(path: Path) -> list[_Row]:
    rows: list[_Row] = []
    for number, cells in enumerate(csv.reader(_text(path).splitlines()), 1):
        where = f"boxes {str(path)!r}, line {number}"
        if not cells:
            continue
        if len(cells) < len(_MOT_COLUMNS):
            raise DatasetError(
                f"{where}, are {','.join(cells)!r:.100}, expected frame, id, x, y, w, h and maybe "
                "more; a table of other columns names them in its first line"
            )
        frame, person = (_whole(cells[place], where) for place in range(2))
        box = box_of(cells[2:6], where)
        rows.append(_Row(where, frame, box, "" if person == _NOBODY else person, ""))
    return rows


def _table_rows(path: PathLike) -> list[_Row]:
    if Path(path).suffix.lower() == ".txt":
        raise DatasetError(
            f"boxes {os.fspath(path)!r} do not begin with a number, as MOTChallenge's rows do; "
            "name a table .csv whose first line names its columns"
        )
    table = read_table(path, what="boxes")
    columns = _columns(table)
    cells = {
        ours: table.text(theirs, may_lack=ours not in _NEEDED) for ours, theirs in columns.items()
    }
    nothing = [""] * len(table)
    rows: list[_Row] = []
    for place, row_name in enumerate(table.row_names):
        where = f"{table.what}, {row_name}"
        box = box_of([cells[name][place] for name in ("x", "y", "w", "h")], where)
        person, name = (cells.get(column, nothing)[place] for column in ("person", "name"))
        rows.append(_Row(where, cells["frame"][place], box, person, name))
    return rows


def _columns(table: Table) -> dict[str, str]:
    found = {
        ours: next(name for name in names if name in table.columns)
        for ours, names in _COLUMNS.items()
        if any(name in table.columns for name in names)
    }
    missing = [name for name in _NEEDED if name not in found]
    if missing:
        raise DatasetError(
            f"{table.what} have the columns {', '.join(table.columns)[:200]} and no "
            f"{' or '.join(_COLUMNS[missing[0]])}; expected frame (or path), x, y, w, h and, where "
            "they are known, person and name"
        )
    return found


def _whole(text: str, where: str) -> str:
    """A whole number as it stands in rows of other programs too: 7 or 7.0."""
    match = re.fullmatch(r"\s*(-?\d{1,18})(?:\.0*)?\s*", text)
    if match is None:
        raise DatasetError(f"{where}, have {text!r:.100}, expected a whole number: frame or id")
    return str(int(match[1]))
