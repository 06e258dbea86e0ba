# SPDX-License-Identifier: Apache-2.0
"""A gallery as other programs read it: a .npy and a .csv, a Parquet file, a FAISS index.

Pictures keep the gallery's order, in which removed ones have no place. Imports pyarrow, the
`tables` extra, and faiss, the `search` extra, on use.
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from mgn_fast.common.checks import output_name
from mgn_fast.common.extras import require_extra
from mgn_fast.common.files import replacing
from mgn_fast.embedding.embeddings_file import sidecar_path
from mgn_fast.errors import InvalidInputError
from mgn_fast.gallery.arrays import array_header
from mgn_fast.gallery.stored import Stored
from mgn_fast.types import AnyArray, PathLike

_BLOCK_ROWS = 16_384
# By column, a text for each picture; None where there is none.
Table = dict[str, list[str | None]]
# Columns that every table has; labels of other keys follow.
COLUMNS = ("name", "person", "camera", "sha256")


def export(gallery: Stored, output: PathLike) -> list[Path]:
    """Writes a gallery's embeddings with the names and labels of their pictures.

    The ending says what is written:
      .npy      embeddings [N, D] of the gallery's dtype, and a .csv of the same name with a line
                for each row: name, person, camera, sha256, and other labels by key. Values that are
                no texts are JSON; a cell is empty where there is no label.
      .parquet  the same columns, and `embedding`, a list of fixed size.
      .faiss    an index of kind Flat by the inner product, in which rows have their places, and the
                .csv, whose line n + 2 describes row n.

    Args:
        gallery: loaded, or in memory.
        output: ends in .npy, .parquet or .faiss; files that are there are replaced.

    Returns:
        The files written; each appears whole or not at all, the .csv first.

    Raises:
        RuntimeUnavailableError: the extra is not installed.
        InvalidInputError: another ending, a file cannot be written, or a name that the format
            cannot hold.
    """
    path = output_name(output, *_WRITERS, exact=True)
    if path.suffix == ".npy" and sidecar_path(path).exists():
        raise InvalidInputError(
            f"{str(sidecar_path(path))!r} describes what was in {str(path)!r} before; remove it, "
            "or choose another output name"
        )
    table = columns(gallery)
    with contextlib.ExitStack() as stack:
        made = stack.enter_context(replacing(path))
        if path.suffix == ".parquet":
            _write_parquet(gallery, table, made)
            return [path]
        # Renamed when all is written, the .csv first: the stack is left from its end.
        beside = path.with_suffix(".csv")
        described = stack.enter_context(replacing(beside))
        save_table(table, described)
        _WRITERS[path.suffix](gallery, table, made)
    return [beside, path]


def columns(gallery: Stored, places: Sequence[int] | None = None) -> Table:
    """What is known of a gallery's pictures, as columns of texts.

    Args:
        gallery: loaded, or in memory.
        places: of the pictures; None for all.

    Returns:
        Columns by name, COLUMNS first, then other labels by key; None where there is none. A key
        that is a column's name already has "label." before it.
    """
    places = range(len(gallery)) if places is None else places
    labels = [gallery.label(place) for place in places]
    others = dict.fromkeys(key for label in labels for key in label)
    found: Table = {
        "name": [gallery.name(place) for place in places],
        "person": [label.get("person") for label in labels],
        "camera": [label.get("camera") for label in labels],
        "sha256": [gallery.sha256(place) for place in places],
    }
    for key in others:
        if key in ("person", "camera"):
            continue
        column = f"label.{key}" if key in (*COLUMNS, "embedding") else key
        found[column] = [text_of(label[key]) if key in label else None for label in labels]
    return found


def text_of(value: Any) -> str:
    """A label's value as text: JSON where it is none."""
    return value if isinstance(value, str) else json.dumps(value)


def _blocks(gallery: Stored) -> Iterator[AnyArray]:
    """The rows, so many at a time, each of the gallery's dtype."""
    for segment in gallery.segments:
        for start in range(0, len(segment), _BLOCK_ROWS):
            yield segment[start : start + _BLOCK_ROWS]


def save_table(table: Table, path: Path) -> None:
    """Writes a table to a CSV file in UTF-8; names that are none keep their bytes."""
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        write_table(table, file)
        _sync(file)


def write_table(table: Table, file: TextIO) -> None:
    """Writes a table as CSV: a line of its columns' names, then one for each picture."""
    writer = csv.writer(file)
    writer.writerow(table)
    writer.writerows(zip(*table.values(), strict=True))


def _write_npy(gallery: Stored, table: Table, path: Path) -> None:
    with path.open("wb") as file:
        file.write(array_header(gallery.dtype, (len(gallery), gallery.width)))
        for block in _blocks(gallery):
            file.write(np.ascontiguousarray(block).data)
        _sync(file)


def _write_parquet(gallery: Stored, table: Table, path: Path) -> None:
    require_extra("tables", "pyarrow")
    import pyarrow
    import pyarrow.parquet

    kinds = {"float16": pyarrow.float16(), "float32": pyarrow.float32()}
    kind = pyarrow.list_(kinds[gallery.dtype.name], gallery.width)
    fields = [(name, pyarrow.string()) for name in table]
    schema = pyarrow.schema([("name", pyarrow.string()), ("embedding", kind), *fields[1:]])
    start = 0
    # Embeddings are as good as random: what would make them smaller only takes time.
    options = {"use_dictionary": False, "compression": "NONE"}
    with pyarrow.parquet.ParquetWriter(path, schema, **options) as writer:
        for block in _blocks(gallery):
            flat = pyarrow.array(np.ascontiguousarray(block).reshape(-1))
            parts = {"embedding": pyarrow.FixedSizeListArray.from_arrays(flat, gallery.width)}
            for name, texts in table.items():
                parts[name] = _strings(pyarrow, texts[start : start + len(block)])
            start += len(block)
            arrays = [parts[name] for name in schema.names]
            writer.write_batch(pyarrow.record_batch(arrays, schema=schema))


def _strings(pyarrow: Any, texts: list[str | None]) -> Any:
    try:
        return pyarrow.array(texts, pyarrow.string())
    except UnicodeEncodeError as error:
        raise InvalidInputError(
            f"{error.object!r} is no UTF-8, which Parquet cannot hold; rename it in the gallery, "
            "or export to .npy"
        ) from error


def _write_faiss(gallery: Stored, table: Table, path: Path) -> None:
    require_extra("search", "faiss")
    import faiss

    index = faiss.IndexFlatIP(gallery.width)
    for block in _blocks(gallery):
        index.add(np.ascontiguousarray(block, np.float32))
    try:
        faiss.write_index(index, str(path))
    except RuntimeError as error:
        raise InvalidInputError(f"the index cannot be written: {error}") from error


def _sync(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())


_WRITERS: dict[str, Callable[[Stored, Table, Path], None]] = {
    ".npy": _write_npy,
    ".parquet": _write_parquet,
    ".faiss": _write_faiss,
}
