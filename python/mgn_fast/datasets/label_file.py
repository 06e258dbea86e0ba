# SPDX-License-Identifier: Apache-2.0
"""Who is on which picture, from a table that its user wrote: which columns mean what."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from mgn_fast.datasets.split import Split, labelled
from mgn_fast.datasets.tables import Table, read_table
from mgn_fast.errors import DatasetError
from mgn_fast.types import Box

_NEEDED = ("path", "person")
_BOX = ("x", "y", "w", "h")
# By what others call a column; none is taken for ours, but the message names it.
_ALIKE = {
    "path": ("file", "filename", "file_name", "image", "img", "image_path", "img_path", "name"),
    "person": ("pid", "id", "label", "identity", "person_id", "class"),
}
_SPLITS = ("query", "gallery", "train")


def read_labels(source: Any) -> Split:
    """The pictures that a table lists, with the person on each; its column `split` plays no part.

    Args:
        source: as for `tables.read_table`: a .csv, .tsv, .json, .jsonl or .parquet file, or a
            DataFrame, with the columns `path` and `person`, and where they are known `camera` and
            the box `x`, `y`, `w`, `h` in pixels of which the picture is cut. Paths are relative to
            the file's directory, those of a DataFrame to the current one. Persons and cameras may
            be any words; where all are whole numbers see `split.labelled`.

    Returns:
        The pictures in the table's order, junk dropped and counted.

    Raises:
        DatasetError: the table cannot be read, lacks a column, has an empty cell or a box that is
            none, or lists a picture twice.
    """
    table = read_table(source)
    return _part(_pictures_of(table), range(len(table)), table)


def read_label_splits(source: Any) -> tuple[Split, Split, list[str]]:
    """Query and gallery pictures that a table lists, with the person on each.

    Args:
        source: as for `read_labels`. A column `split` says "query", "gallery" or "train" of each
            row; rows of "train" are left out. Without it every picture is a query, and all are the
            gallery.

    Returns:
        Queries, gallery, and what has to be said of them. Without the column `split` both are one
        object.

    Raises:
        DatasetError: as `read_labels`, another word in the column `split`, or no picture of a
            split.
    """
    table = read_table(source)
    everything = _pictures_of(table)
    if "split" not in table.columns:
        both = _part(everything, range(len(table)), table)
        return both, both, ["there is no column 'split': every picture is a query among all others"]
    words = [word.lower() for word in table.text("split")]
    for place, word in enumerate(words):
        if word not in _SPLITS:
            raise DatasetError(
                f"{table.what}, {table.row_names[place]}, have {word!r} as split, expected "
                f"{', '.join(map(repr, _SPLITS))}"
            )
    rows = {name: [p for p, word in enumerate(words) if word == name] for name in _SPLITS}
    for name in ("query", "gallery"):
        if not rows[name]:
            raise DatasetError(f"{table.what} have no row of split {name!r}, expected at least one")
    notes = [f"{len(rows['train'])} rows of split 'train' were left out"] if rows["train"] else []
    query, gallery = (_part(everything, rows[name], table) for name in ("query", "gallery"))
    return query, gallery, notes


def _pictures_of(table: Table) -> Split:
    """All pictures of a table, junk included: words are numbered by all, so that splits agree."""
    _require_columns(table)
    names = table.text("path")
    return labelled(
        [table.directory / name for name in names],
        names,
        table.text("person"),
        _cameras(table),
        _boxes(table),
    )


def _part(everything: Split, rows: Sequence[int], table: Table) -> Split:
    """Some rows' pictures, less junk; refused where one is there twice, or none is left."""
    pictures = everything.identities.pictures or ()
    seen: dict[str, int] = {}
    for row in rows:
        first = seen.setdefault(pictures[row], row)
        if first != row:
            raise DatasetError(
                f"{table.what} list {everything.names[row]!r} twice: {table.row_names[first]} and "
                f"{table.row_names[row]}"
            )
    part = everything.without_junk(rows)
    if len(part) == 0:
        raise DatasetError(f"{table.what} list no picture to use, only junk: person -1")
    return part


def _require_columns(table: Table) -> None:
    missing = [name for name in _NEEDED if name not in table.columns]
    if not missing:
        return
    found = ", ".join(table.columns)
    hints = [
        f"; {like[0]!r} looks like {name!r}: name it so"
        for name in missing
        if (like := [column for column in table.columns if column in _ALIKE[name]])
        or (like := difflib.get_close_matches(name, table.columns, 1))
    ]
    raise DatasetError(
        f"{table.what} have the columns {found[:200]}, expected path, person and, where they are "
        f"known, camera, split, and a box x, y, w, h{''.join(hints)}"
    )


def _cameras(table: Table) -> list[str] | None:
    if "camera" not in table.columns:
        return None
    cameras = table.text("camera", may_lack=True)
    return table.text("camera") if any(cameras) else None


def _boxes(table: Table) -> list[Box] | None:
    there = [name for name in _BOX if name in table.columns]
    if not there:
        return None
    if len(there) < len(_BOX):
        raise DatasetError(
            f"{table.what} have {', '.join(there)} of a box, expected all of x, y, w, h, or none"
        )
    columns = [table.text(name) for name in _BOX]
    return [
        box_of(cells, f"{table.what}, {row_name}")
        for cells, row_name in zip(zip(*columns, strict=True), table.row_names, strict=True)
    ]


def box_of(cells: Sequence[str], where: str) -> Box:
    """The box that four cells say: x, y, width and height.

    Args:
        cells: texts.
        where: they stand, for the message.

    Returns:
        The box.

    Raises:
        DatasetError: they are no four finite numbers.
    """
    try:
        return Box(*map(float, cells))
    except ValueError:  # InvalidInputError of a Box is one
        raise DatasetError(
            f"{where}, have the box {', '.join(cells)!r:.100}, expected four numbers: x, y, w and "
            "h in pixels"
        ) from None
