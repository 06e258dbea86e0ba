# SPDX-License-Identifier: Apache-2.0
"""Embeddings as other programs leave them, and the names of their rows beside or inside.

No pickle is read; of torch's files only tensors, lists and words are.
"""

from __future__ import annotations

import csv
import io
import json
import os
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mgn_fast.common.checks import path_of
from mgn_fast.common.extras import require_extra
from mgn_fast.common.files import is_regular_file, open_regular, read_limited
from mgn_fast.embedding.embeddings_file import (
    MAX_SIDECAR_BYTES,
    NPY_ERRORS,
    Embeddings,
    checked_rows,
    read_embeddings,
    rows_in_npy,
    sidecar_path,
)
from mgn_fast.embedding.row_files import PARQUET_KEY
from mgn_fast.errors import ExportError, InvalidInputError
from mgn_fast.evaluation.rows import as_array
from mgn_fast.models.contract import Contract
from mgn_fast.models.in_use import kept_contract
from mgn_fast.types import AnyArray, PathLike

SUFFIXES = (".npy", ".npz", ".parquet", ".csv", ".pt", ".pth")
# By what others call an array of embeddings, and what names its rows.
_ROWS = ("embeddings", "embedding", "features", "feature", "feats", "feat")
_NAMES = ("names", "name", "paths", "path", "filenames", "files")
_LABELS = ("person", "camera")  # columns of a .csv that are no numbers of a row
_MAX_FILE_BYTES = 1 << 36


def read_rows(path: PathLike) -> Embeddings:
    """Embeddings from a file of any origin, with the names of its rows where they are told.

    Args:
        path: a .npy file, with the names in a file of its name that ends in .json (this package's,
            or an object with a list `names`), .csv (a column `name` or `path`) or .txt (a name a
            line); an .npz file of one array [N, D], or one that is called `embeddings` or
            `features`, and maybe `names`; a .parquet or .csv file as `mgn-fast embed` writes it: a
            column `name` and `embedding`, or numbers; a torch file (.pt, .pth) of one tensor
            [N, D], alone or in a dictionary, where a list `names` may stand beside it.

    Returns:
        The embeddings; their names are None where the file tells none.

    Raises:
        InvalidInputError: missing, damaged, none of these, or names that do not fit the rows.
        RuntimeUnavailableError: a .parquet file without pyarrow, or a torch file without torch.
    """
    place = path_of("path", path)
    readers: dict[str, Callable[[Path], tuple[Any, Any]]] = {
        ".npz": _read_npz,
        ".parquet": _read_parquet,
        ".csv": _read_csv,
        ".pt": _read_torch,
        ".pth": _read_torch,
    }
    suffix = place.suffix.lower()
    if suffix == ".npy":
        return _read_npy(place)
    if suffix not in readers:
        raise InvalidInputError(
            f"{os.fspath(path)!r} ends in {place.suffix!r}, expected embeddings in "
            f"{', '.join(SUFFIXES)}"
        )
    rows, names = readers[suffix](place)
    contract = _contract_in_parquet(place) if suffix == ".parquet" else None
    names = _checked_names(names, len(rows), str(place))
    return Embeddings(checked_rows(rows, place), names, contract)


def _read_npy(path: Path) -> Embeddings:
    sidecar = sidecar_path(path)
    if sidecar.exists() and "schema" in _object_in(sidecar):
        return read_embeddings(path)
    rows = rows_in_npy(path)
    beside = [path.with_suffix(suffix) for suffix in (".json", ".csv", ".txt")]
    there = [place for place in beside if is_regular_file(place)]
    if not there:
        return Embeddings(rows, None)
    if len(there) > 1:
        found = " and ".join(repr(str(place)) for place in there)
        raise InvalidInputError(
            f"{found} could name the rows of {str(path)!r}; expected one of them: move the others"
        )
    return Embeddings(rows, _checked_names(_names_in(there[0]), len(rows), str(there[0])))


def _names_in(path: Path) -> Any:
    if path.suffix == ".json":
        names = _object_in(path).get("names")
        if names is None:
            raise InvalidInputError(
                f"{str(path)!r} has no list 'names', expected the names of the rows beside it"
            )
        return names
    lines = _text_in(path).splitlines()
    if path.suffix == ".txt":
        return [line.strip() for line in lines]
    table = list(csv.reader(lines))
    header = [cell.strip().lower() for cell in table[0]] if table else []
    column = next((header.index(name) for name in _NAMES if name in header), None)
    if column is None:
        raise InvalidInputError(
            f"{str(path)!r} has the columns {', '.join(header)[:200]!r}, expected one called "
            "'name' or 'path', which names the rows beside it"
        )
    return [line[column] if column < len(line) else "" for line in table[1:] if line]


def _read_npz(path: Path) -> tuple[Any, Any]:
    try:
        open_regular(path).close()
        with np.load(path, allow_pickle=False, mmap_mode=None) as archive:
            _require_size(path, sum(part.file_size for part in archive.zip.infolist()))
            arrays = {name: archive[name] for name in archive.files}
    except (*NPY_ERRORS, zipfile.BadZipFile, KeyError, NotImplementedError) as error:
        if isinstance(error, InvalidInputError):
            raise
        raise InvalidInputError(f"{str(path)!r} is no readable .npz file: {error}") from error
    names = next((arrays[name] for name in _NAMES if name in arrays), None)
    return _one_of(arrays, path), None if names is None else names.tolist()


def _one_of(found: Mapping[str, Any], path: Path) -> Any:
    """The array that holds the embeddings among others."""
    called = [name for name in _ROWS if name in found]
    if called:
        return found[called[0]]
    tables = [name for name, array in found.items() if getattr(array, "ndim", 0) == 2]
    if len(tables) == 1:
        return found[tables[0]]
    said = ", ".join(
        f"{name} {tuple(getattr(array, 'shape', ()))}" for name, array in found.items()
    )
    raise InvalidInputError(
        f"{str(path)!r} holds {said[:300] or 'nothing'}, expected one array [N, D], or one that is "
        "called 'embeddings'"
    )


def _read_parquet(path: Path) -> tuple[Any, Any]:
    require_extra("tables", "pyarrow")
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        open_regular(path).close()
        table = pq.read_table(path)
        names = next(
            (table[name].to_pylist() for name in _NAMES if name in table.column_names), None
        )
        column = next((table[name] for name in _ROWS if name in table.column_names), None)
        if column is None:
            raise InvalidInputError(
                f"{str(path)!r} has the columns {', '.join(table.column_names)[:200]}, expected "
                "one called 'embedding', of lists of numbers"
            )
        rows = _stacked(column.combine_chunks())
    except (pa.ArrowException, OSError, ValueError, TypeError, AttributeError) as error:
        if isinstance(error, InvalidInputError):
            raise
        raise InvalidInputError(f"{str(path)!r} is no readable Parquet: {error}") from error
    return rows, names


def _contract_in_parquet(path: Path) -> Contract | None:
    """The contract that this package keeps in a table's schema; None in tables of others."""
    import pyarrow.parquet as pq

    held = (pq.read_schema(path).metadata or {}).get(PARQUET_KEY)
    if held is None:
        return None
    try:
        return kept_contract(json.loads(held), where=str(path))
    except (ValueError, AttributeError, RecursionError) as error:
        raise InvalidInputError(
            f"{str(path)!r} has a description that is none: {error}; write it again with "
            "`mgn-fast embed`"
        ) from error


def _stacked(column: Any) -> AnyArray:
    """A column of lists of one length as an array; without a copy where Arrow allows that."""
    if column.null_count:
        raise InvalidInputError(f"column 'embedding' has {column.null_count} rows without numbers")
    lengths = np.diff(np.asarray(column.offsets)) if hasattr(column, "offsets") else np.empty(0)
    if len(np.unique(lengths)) > 1:
        raise InvalidInputError(
            f"column 'embedding' has lists of {lengths.min()} to {lengths.max()} numbers, expected "
            "one length"
        )
    flat = column.flatten().to_numpy(zero_copy_only=False)
    rows: AnyArray = flat.reshape(len(column), -1)
    return rows


def _read_csv(path: Path) -> tuple[Any, Any]:
    lines = csv.reader(io.StringIO(_text_in(path), newline=""))
    header = [cell.strip().lower() for cell in next(lines, [])]
    if not header or header[0] not in _NAMES:
        raise InvalidInputError(
            f"{str(path)!r} begins with {', '.join(header)[:200]!r}, expected a line of names: "
            "name, and one for each number"
        )
    numbers = [place for place, name in enumerate(header) if place and name not in _LABELS]
    names, rows = [], []
    for number, line in enumerate(lines, 2):
        if not line:
            continue
        try:
            if len(line) != len(header):
                raise ValueError(f"{len(line)} cells")
            rows.append(np.array([line[place] for place in numbers], np.float32))
        except ValueError as error:
            raise InvalidInputError(
                f"{str(path)!r}, line {number}, has {error}, expected a name and "
                f"{len(numbers)} numbers"
            ) from None
        names.append(line[0])
    return np.array(rows, np.float32).reshape(len(rows), -1), names


def _read_torch(path: Path) -> tuple[Any, Any]:
    require_extra("export", "torch", "safetensors")
    from mgn_fast.export.stored import load_stored

    content = read_limited(path, _MAX_FILE_BYTES, InvalidInputError)
    try:
        stored = load_stored(str(path), content)
    except ExportError as error:
        raise InvalidInputError(str(error).replace("checkpoint ", "", 1)) from error
    if not isinstance(stored, dict):
        return as_array(str(path), _one_of({"": stored}, path)), None
    names = next((stored[name] for name in _NAMES if name in stored), None)
    tensors = {str(name): value for name, value in stored.items() if hasattr(value, "detach")}
    return as_array(str(path), _one_of(tensors, path)), names


def _checked_names(names: Any, count: int, where: str) -> tuple[str, ...] | None:
    if names is None:
        return None
    if not isinstance(names, Sequence) or isinstance(names, str):
        raise InvalidInputError(f"{where} has {names!r:.100} as names, expected a list of them")
    if len(names) != count:
        raise InvalidInputError(
            f"{where} has {len(names)} names for {count} rows, expected one for each"
        )
    if not all(isinstance(name, str) and name for name in names):
        odd = next(name for name in names if not (isinstance(name, str) and name))
        raise InvalidInputError(f"{where} has {odd!r:.100} as a name, expected words")
    return tuple(names)


def _require_size(path: Path, size: int) -> None:
    if size > _MAX_FILE_BYTES:
        raise InvalidInputError(
            f"{str(path)!r} claims {size} bytes, expected at most {_MAX_FILE_BYTES}"
        )


def _text_in(path: Path) -> str:
    content = read_limited(path, MAX_SIDECAR_BYTES, InvalidInputError)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{str(path)!r} is not UTF-8 at byte {error.start}") from error


def _object_in(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(_text_in(path))
    except (ValueError, RecursionError) as error:
        if isinstance(error, InvalidInputError):
            raise
        raise InvalidInputError(
            f"{str(path)!r} is no JSON: {error}; remove it to read the rows without names"
        ) from error
    return content if isinstance(content, dict) else {"names": content}
