# SPDX-License-Identifier: Apache-2.0
"""Embeddings written as they come, whole or not at all; what is kept of a run that ends early.

The form of the files is `embeddings_file`'s and `row_files`'.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mgn_fast.common.cache import file_sha256
from mgn_fast.common.checks import output_name
from mgn_fast.common.files import (
    current_umask,
    is_regular_file,
    open_regular,
    read_limited,
    replacing,
    write_json,
)
from mgn_fast.embedding.embedder import Embedder
from mgn_fast.embedding.embeddings_file import MAX_SIDECAR_BYTES, SCHEMA, sidecar_path
from mgn_fast.embedding.row_files import (
    PARQUET_KEY,
    CsvFile,
    NpyFile,
    ParquetFile,
    RowFile,
    require_parquet,
)
from mgn_fast.errors import InvalidInputError, MgnError
from mgn_fast.types import F32Array, PathLike

MAX_FOOTER_BYTES = 1 << 20  # of a Parquet that are looked at
SUFFIXES = (".npy", ".parquet", ".csv")


@dataclass(frozen=True)
class Partial:
    """What was kept of a run that ended early.

    Attributes:
        path: of the rows, beside the output: `people.partial.npy` for `people.npy`.
        count: of rows.
        is_kept: False where an earlier run had kept more, which stays instead.
    """

    path: Path
    count: int
    is_kept: bool = True


def partial_path(path: PathLike) -> Path:
    """Where a run that ends early keeps what it embedded: `people.partial.npy`."""
    path = Path(path)
    return path.with_name(f"{path.stem}.partial{path.suffix}")


def write_embeddings(
    path: PathLike,
    rows: Iterable[tuple[str, F32Array]],
    embedder: Embedder,
    *,
    persons: Mapping[str, str] | None = None,
    on_partial: Callable[[Partial], None] | None = None,
) -> int:
    """Writes embeddings as they come; all files appear whole or not at all.

    A run that ends early, by an error or Ctrl-C, keeps the rows that came until then beside the
    output, in `NAME.partial.npy` with a `NAME.partial.json`, or `NAME.partial.csv` and the like;
    unless an earlier run kept more there. A run that ends well takes it away. A table of Parquet
    is not kept where the disk is full.

    Args:
        path: the file: a .npy, whose .json is written beside it; a .csv, of which each line is a
            name and the numbers; or a .parquet with the columns name and embedding.
        rows: (name, float32 [D]) one by one; only the names are kept in memory.
        embedder: whose model they come from.
        persons: who is on the pictures, by their names, for the .json's "persons" or the column
            person.
        on_partial: is told of what was kept before the error goes on.

    Returns:
        The number of rows.

    Raises:
        InvalidInputError: `path` has another ending or cannot be written, a name comes twice, or
            the .json beside it is another program's file.
        RuntimeUnavailableError: a .parquet, and pyarrow is not installed.
    """
    final = output_name(path, *SUFFIXES, exact=True)
    if final.suffix == ".npy":
        _require_replaceable(sidecar_path(final))
    elif final.suffix == ".parquet":
        require_parquet()
    names: dict[str, None] = {}
    with (
        replacing(final) as temporary,
        contextlib.closing(_row_file(temporary, embedder, persons)) as file,
    ):
        try:
            for name, row in rows:
                _require_new(name, names)
                file.add(name, row)
                names[name] = None
            file.finish()
            if final.suffix == ".npy":
                _write_sidecar(final, list(names), temporary, embedder, persons)
        except BaseException:
            kept = _keep(temporary, final, file, list(names), embedder, persons)
            if kept is not None and on_partial is not None:
                on_partial(kept)
            raise
    _forget_partial(final)
    return len(names)


def _row_file(
    path: Path, embedder: Embedder, persons: Mapping[str, str] | None
) -> NpyFile | CsvFile | ParquetFile:
    width = embedder.session.embedding_width
    if path.suffix == ".npy":
        return NpyFile(path, width)
    if path.suffix == ".csv":
        return CsvFile(path, width, persons)
    return ParquetFile(path, width, _description(embedder), persons)


def _require_new(name: str, names: Mapping[str, None]) -> None:
    if name in names:
        raise InvalidInputError(f"the name {name!r} comes twice, expected each picture's name once")


def _keep(
    temporary: Path,
    final: Path,
    file: RowFile,
    names: list[str],
    embedder: Embedder,
    persons: Mapping[str, str] | None,
) -> Partial | None:
    """Gives the rows so far a name of their own; None where there are none, or it cannot be."""
    partial = partial_path(final)
    with contextlib.suppress(MgnError, OSError):  # the error that ended the run matters more
        file.finish()
        if not names:
            return None
        if _size(partial) > _size(temporary):
            return Partial(partial, len(names), is_kept=False)
        if isinstance(file, NpyFile):
            _require_replaceable(sidecar_path(partial))
            try:
                _write_sidecar(partial, names, temporary, embedder, persons)
            except InvalidInputError:  # the disk is full: some rows give way to the names
                names = names[: -_rows_for_names(names, embedder.session.embedding_width)]
                file.cut(len(names))
                _write_sidecar(partial, names, temporary, embedder, persons)
        temporary.chmod(0o666 & ~current_umask())
        temporary.replace(partial)
        return Partial(partial, len(names))
    return None


def _rows_for_names(names: Sequence[str], width: int) -> int:
    """Number of rows whose bytes are enough for a description, and for what a disk rounds up."""
    return (len(json.dumps(names, indent=1)) + (1 << 18)) // (4 * width) + 1


def _size(path: Path) -> int:
    return path.stat().st_size if is_regular_file(path) else -1


def _forget_partial(final: Path) -> None:
    """Takes away what an earlier run kept, if it is this package's."""
    partial = partial_path(final)
    with contextlib.suppress(MgnError, OSError):
        if _is_own(partial):
            partial.unlink()
            if final.suffix == ".npy":
                sidecar_path(partial).unlink()


def _is_own(table: Path) -> bool:
    """Whether this package wrote a file of rows, as far as the file tells."""
    if table.suffix == ".npy":
        _require_replaceable(sidecar_path(table))
        return is_regular_file(table) and sidecar_path(table).exists()
    with open_regular(table) as file:
        if table.suffix == ".csv":
            return file.readline(32).startswith((b"name,0", b"name,person,0"))
        file.seek(-min(_size(table), MAX_FOOTER_BYTES), os.SEEK_END)
        return PARQUET_KEY in file.read()


def _require_replaceable(sidecar: Path) -> None:
    """Raises if the .json to be replaced was not written by this package."""
    if not sidecar.exists():
        return
    try:
        ours = json.loads(read_limited(sidecar, MAX_SIDECAR_BYTES)).get("schema") == SCHEMA
    except (OSError, ValueError, AttributeError, RecursionError):
        ours = False
    if not ours:
        raise InvalidInputError(
            f"{str(sidecar)!r} exists and does not describe embeddings; expected to write the "
            "description there: choose another output name, or move that file"
        )


def _write_sidecar(
    path: Path,
    names: Sequence[str],
    written: Path,
    embedder: Embedder,
    persons: Mapping[str, str] | None,
) -> None:
    """Describes rows that will be called `path` and are `written` elsewhere until then."""
    description = {"schema": SCHEMA, "count": len(names), "embeddings_sha256": file_sha256(written)}
    description |= _description(embedder)
    description["skipped"] = [{"name": name, "reason": why} for name, why in embedder.skipped]
    if persons is not None:
        description["persons"] = [persons.get(name) for name in names]
    write_json(sidecar_path(path), description | {"names": list(names)})


def _description(embedder: Embedder) -> dict[str, Any]:
    """What the rows are of, as JSON's own types."""
    session = embedder.session
    return {
        "width": session.embedding_width,
        "model": {"name": session.model_path.name, "sha256": file_sha256(session.model_path)},
        "backend": session.backend,
        "simulated": session.simulated,
        "mirror": embedder.mirror,
        "contract": session.contract.to_dict() if session.contract else None,
        "contract_origin": session.contract.origin if session.contract else None,
    }
