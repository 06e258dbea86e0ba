# SPDX-License-Identifier: Apache-2.0
"""Named rows written as they come, as .npy, .csv or .parquet; whole at any moment they end.

Owns the bytes of these files and nothing else: where they lie and what they are called is the
caller's.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mgn_fast.common.extras import require_extra
from mgn_fast.common.text import csv_bytes
from mgn_fast.types import F32Array

# Under which Parquet's schema keeps what the rows are, as JSON.
PARQUET_KEY = b"mgn_fast.embeddings"
_ROWS_A_GROUP = 1024


class RowFile(Protocol):
    """A file that grows row by row."""

    def add(self, name: str, row: F32Array) -> None:
        """Writes a row; OSError where the disk is full."""

    def finish(self) -> None:
        """Makes the file whole with the rows that were added. May be called again."""

    def close(self) -> None:
        """Lets the file go. May be called again."""


class NpyFile:
    """An .npy file, float32 [N, width]; names are not in it.

    Args:
        path: of an empty file.
        width: of a row.
    """

    def __init__(self, path: Path, width: int) -> None:
        # Unbuffered, so that what was added is there whatever happens next.
        self._file = path.open("r+b", buffering=0)
        self._width, self._count = width, 0
        self._header_bytes = self._write_header(0)

    def add(self, name: str, row: F32Array) -> None:
        """Writes a row behind the last one."""
        _write_all(self._file, row.astype("<f4", copy=False).tobytes())
        self._count += 1

    def finish(self) -> None:
        """Corrects the header, which NumPy pads so that a longer count fits."""
        self.cut(self._count)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def cut(self, count: int) -> None:
        """Keeps the first so many rows alone."""
        self._count = count
        self._file.truncate(self._header_bytes + 4 * self._width * count)
        assert self._write_header(count) == self._header_bytes

    def _write_header(self, count: int) -> int:
        header = {"descr": "<f4", "fortran_order": False, "shape": (count, self._width)}
        content = io.BytesIO()
        np.lib.format.write_array_header_1_0(content, header)
        self._file.seek(0)
        _write_all(self._file, content.getvalue())
        self._file.seek(0, os.SEEK_END)
        return len(content.getvalue())


class CsvFile:
    """A .csv file in UTF-8: a header, then a name, a person where they are known, and numbers.

    Args:
        path: of an empty file.
        width: of a row.
        persons: by name; None leaves the column out.
    """

    def __init__(self, path: Path, width: int, persons: Mapping[str, str] | None = None) -> None:
        self._persons = persons
        self._file = path.open("r+b", buffering=0)
        self._end = 0
        self._write(csv_header(width, with_person=persons is not None))

    def add(self, name: str, row: F32Array) -> None:
        """Writes a line; nine digits are enough to read the same float32 back."""
        words = [name] if self._persons is None else [name, self._persons.get(name, "")]
        self._write([*words, *(f"{number:.9g}" for number in row.tolist())])

    def finish(self) -> None:
        """Takes a line away that was not written whole."""
        self._file.truncate(self._end)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _write(self, cells: list[str]) -> None:
        line = csv_bytes([cells])
        _write_all(self._file, line)
        self._end += len(line)


class ParquetFile:
    """A .parquet file with the columns name, person where they are known, and embedding.

    Args:
        path: of an empty file.
        width: of a row.
        description: of what the rows are, kept as JSON in the schema's metadata.
        persons: by name; None leaves the column out.

    Raises:
        RuntimeUnavailableError: pyarrow is not installed.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        description: Mapping[str, Any],
        persons: Mapping[str, str] | None = None,
    ) -> None:
        require_parquet()
        import pyarrow as pa
        import pyarrow.parquet as pq

        fields = [("name", pa.string()), ("embedding", pa.list_(pa.float32(), width))]
        if persons is not None:
            fields.insert(1, ("person", pa.string()))
        metadata = {PARQUET_KEY: json.dumps(description).encode()}
        self._schema = pa.schema(fields, metadata=metadata)
        self._writer = pq.ParquetWriter(path, self._schema)
        self._width, self._persons = width, persons
        self._is_broken = False
        self._names: list[str] = []
        self._rows: list[F32Array] = []

    def add(self, name: str, row: F32Array) -> None:
        """Writes the rows whenever a group of them is full."""
        self._names.append(name)
        self._rows.append(row.astype(np.float32, copy=False))
        if len(self._rows) == _ROWS_A_GROUP:
            self._is_broken = True
            self._write_group()
            self._is_broken = False

    def finish(self) -> None:
        """Writes the last group, and the footer; OSError if a write failed before."""
        if self._is_broken:
            raise OSError("a Parquet file without its footer cannot be read")
        self._is_broken = True
        if self._rows:
            self._write_group()
        self._writer.close()
        self._is_broken = False

    def close(self) -> None:
        """Closes the file, whatever becomes of it."""
        with contextlib.suppress(OSError):
            self._writer.close()

    def _write_group(self) -> None:
        import pyarrow as pa

        names, rows = self._names, self._rows
        self._names, self._rows = [], []
        columns = [pa.array(map(_utf8, names), pa.string())]
        if self._persons is not None:
            columns.append(pa.array([self._persons.get(name) for name in names], pa.string()))
        numbers = pa.array(np.concatenate(rows), pa.float32())
        columns.append(pa.FixedSizeListArray.from_arrays(numbers, self._width))
        self._writer.write_table(pa.Table.from_arrays(columns, schema=self._schema))


def require_parquet() -> None:
    """RuntimeUnavailableError, which says what to install, where pyarrow is not."""
    require_extra("tables", "pyarrow")


def csv_header(width: int, *, with_person: bool) -> list[str]:
    """The cells of a .csv file's first line."""
    return ["name", *(["person"] if with_person else []), *map(str, range(width))]


def _utf8(name: str) -> str:
    """Parquet has no texts but UTF-8: bytes of a name that are none are written as escapes."""
    return name.encode("utf-8", "backslashreplace").decode()


def _write_all(file: io.FileIO, content: bytes) -> None:
    """A write may be short, as on a disk that gets full; the next one says why."""
    left = memoryview(content)
    while left:
        left = left[file.write(left) :]
