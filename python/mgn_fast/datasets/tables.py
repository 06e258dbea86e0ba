# SPDX-License-Identifier: Apache-2.0
"""A table of rows with named columns, from any file that people keep one in, or from a DataFrame.

Knows nothing of pictures: what the columns mean is the reader's.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mgn_fast.common.checks import path_of
from mgn_fast.common.extras import require_extra
from mgn_fast.common.files import read_limited
from mgn_fast.errors import DatasetError

MAX_BYTES = 1 << 30
MAX_ROWS = 50_000_000
# Spreadsheets of many countries write semicolons.
_DELIMITERS = {".csv": ",;\t", ".tsv": "\t"}
SUFFIXES = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet")


@dataclass(frozen=True, eq=False)
class Table:
    """Columns by name, in small letters, and where they were read.

    Attributes:
        what: the source in messages, such as "labels 'people.csv'".
        directory: that relative paths in it start from.
        columns: cells as they were read: text, numbers, or None where there is none.
        row_names: what each row is called in messages, such as "line 3".
    """

    what: str
    directory: Path
    columns: dict[str, list[Any]]
    row_names: Sequence[str]

    def __len__(self) -> int:
        return len(self.row_names)

    def text(self, column: str, *, may_lack: bool = False) -> list[str]:
        """A column's cells as text: 7 and 7.0 are "7", and a cell that is empty is "".

        Args:
            column: one of `columns`.
            may_lack: whether cells may be empty.

        Returns:
            A text for each row, without white space around it.

        Raises:
            DatasetError: a cell is a list or an object, or is empty and may not be.
        """
        cells = []
        for place, cell in enumerate(self.columns[column]):
            text = self._text(cell, column, place)
            if not text and not may_lack:
                raise DatasetError(
                    f"{self.what}, {self.row_names[place]}, have no {column}, expected one in "
                    "every row"
                )
            cells.append(text)
        return cells

    def _text(self, cell: Any, column: str, place: int) -> str:
        if is_empty(cell):
            return ""
        if isinstance(cell, str):
            return cell.strip()
        if isinstance(cell, (float, np.floating)) and float(cell).is_integer():
            cell = int(cell)
        if not isinstance(cell, (int, float, np.integer, np.floating)):
            raise DatasetError(
                f"{self.what}, {self.row_names[place]}, have {cell!r:.100} as {column}, expected "
                "text or a number"
            )
        return str(cell)


def is_empty(cell: Any) -> bool:
    """Whether a cell is nothing, white space, or what stands for nothing in a DataFrame."""
    if isinstance(cell, str):
        return not cell.strip()
    if cell is None or type(cell).__name__ in ("NAType", "NaTType"):
        return True
    return bool(isinstance(cell, (float, np.floating)) and cell != cell)


def read_table(source: Any, *, what: str = "labels") -> Table:
    """The rows of a table.

    Args:
        source: a .csv or .tsv file in UTF-8 whose first line names the columns; a .json file, of
            objects in a list or of lists by column; a .jsonl file of objects; a .parquet file; or a
            DataFrame.
        what: the file is, for messages.

    Returns:
        The table, of at least one row.

    Raises:
        DatasetError: it cannot be read, is none of these, names a column twice, or has no rows.
        RuntimeUnavailableError: .parquet, and pyarrow is not installed.
        InvalidInputError: the source is neither a path nor a table.
    """
    if hasattr(source, "columns") and hasattr(source, "__getitem__"):
        name, directory = f"{what} of a {type(source).__name__}", Path()
        names = [str(column) for column in source.columns]
        lists = [np.asarray(source[column]).tolist() for column in source.columns]
        return _table(name, directory, names, lists, "row {}")
    path = path_of("source", source)
    name, suffix = f"{what} {str(path)!r}", path.suffix.lower()
    readers: dict[str, Callable[[Path, str], Table]] = {
        ".csv": _read_csv,
        ".tsv": _read_csv,
        ".json": _read_json,
        ".jsonl": _read_json_lines,
        ".ndjson": _read_json_lines,
        ".parquet": _read_parquet,
    }
    if suffix not in readers:
        raise DatasetError(f"{name} end in {suffix!r}, expected {', '.join(SUFFIXES)}")
    return readers[suffix](path, name)


def _table(
    what: str,
    directory: Path,
    names: Sequence[str],
    lists: Sequence[Sequence[Any]],
    row_name: str,
    numbers: Iterable[int] | None = None,
) -> Table:
    columns = [name.strip().lower() for name in names]
    if len(set(columns)) != len(columns):
        twice = next(name for name in columns if columns.count(name) > 1)
        raise DatasetError(f"{what} have two columns {twice!r}, expected each name once")
    count = len(lists[0]) if lists else 0
    if count == 0:
        raise DatasetError(f"{what} have no rows, expected at least one")
    rows = [row_name.format(number) for number in numbers or range(1, count + 1)]
    return Table(
        what,
        directory,
        {name: list(cells) for name, cells in zip(columns, lists, strict=True)},
        rows,
    )


def _read_csv(path: Path, what: str) -> Table:
    text = _utf8(path, what)
    first = text.split("\n", 1)[0]
    delimiters = _DELIMITERS[path.suffix.lower()]
    delimiter = max(delimiters, key=first.count)
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise DatasetError(f"{what} are no CSV: {error}") from error
    header = lines[0] if lines else []
    numbered = [(number, line) for number, line in enumerate(lines[1:], 2) if line]
    for number, line in numbered:
        if len(line) != len(header):
            raise DatasetError(
                f"{what}, line {number}, are {delimiter.join(line)[:200]!r}, expected "
                f"{len(header)} cells, one for each of {', '.join(header)[:200]}"
            )
    lists = list(zip(*(line for _, line in numbered), strict=True))
    return _table(what, path.parent, header, lists or [()] * len(header), "line {}",
                  [number for number, _ in numbered])  # fmt: skip


def _read_json(path: Path, what: str) -> Table:
    content = _parsed(_utf8(path, what), what)
    if isinstance(content, list):
        return _of_objects(content, what, path.parent, "entry {}", range(1, len(content) + 1))
    if not isinstance(content, dict) or not all(isinstance(v, list) for v in content.values()):
        raise DatasetError(
            f"{what} hold a {type(content).__name__}, expected a list of objects, or an object of "
            "lists of one length"
        )
    if len({len(cells) for cells in content.values()}) > 1:
        sizes = ", ".join(f"{name} {len(cells)}" for name, cells in content.items())
        raise DatasetError(f"{what} hold lists of unlike lengths: {sizes[:200]}")
    return _table(what, path.parent, list(content), list(content.values()), "entry {}")


def _read_json_lines(path: Path, what: str) -> Table:
    lines = [
        (number, line)
        for number, line in enumerate(_utf8(path, what).split("\n"), 1)
        if line.strip()
    ]
    entries = [_parsed(line, f"{what}, line {number},") for number, line in lines]
    return _of_objects(entries, what, path.parent, "line {}", [number for number, _ in lines])


def _of_objects(
    entries: list[Any], what: str, directory: Path, row_name: str, numbers: Iterable[int]
) -> Table:
    for number, entry in zip(numbers, entries, strict=True):
        if not isinstance(entry, dict):
            raise DatasetError(
                f"{what}, {row_name.format(number)}, hold a {type(entry).__name__}, expected an "
                'object such as {"path": "a.jpg", "person": "ann"}'
            )
    names = list(dict.fromkeys(name for entry in entries for name in entry))
    lists = [[entry.get(name) for entry in entries] for name in names]
    return _table(what, directory, names, lists, row_name, numbers)


def _read_parquet(path: Path, what: str) -> Table:
    require_extra("tables", "pyarrow")
    import pyarrow as pa
    import pyarrow.parquet as pq

    content = read_limited(path, MAX_BYTES, DatasetError, what=what.split(" ", 1)[0])
    try:
        file = pq.ParquetFile(pa.BufferReader(content))
        if file.metadata.num_rows > MAX_ROWS:
            raise DatasetError(
                f"{what} claim {file.metadata.num_rows:,} rows of {MAX_ROWS:,} at most"
            )
        table = file.read()
        lists = [column.to_pylist() for column in table.columns]
    except (pa.ArrowException, OSError, ValueError, TypeError) as error:
        if isinstance(error, DatasetError):
            raise
        raise DatasetError(f"{what} are no readable Parquet: {error}") from error
    return _table(what, path.parent, table.column_names, lists, "row {}")


def _utf8(path: Path, what: str) -> str:
    content = read_limited(path, MAX_BYTES, DatasetError, what=what.split(" ", 1)[0])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"{what} are not UTF-8 at byte {error.start}; save the file as UTF-8"
        ) from error


def _parsed(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{what} are no JSON: {error}") from error
