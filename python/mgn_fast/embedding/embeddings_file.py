# SPDX-License-Identifier: Apache-2.0
"""Embeddings on disk: a .npy file and, beside it, a .json that says what its rows are.

The .json names every row, the model and its contract, and holds the .npy's SHA-256, so that two
files that do not belong together are refused.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO

import numpy as np

from mgn_fast.common.cache import file_sha256
from mgn_fast.common.checks import output_name
from mgn_fast.common.files import open_regular, read_limited, replacing, write_json
from mgn_fast.embedding.embedder import Embedder
from mgn_fast.errors import InvalidInputError
from mgn_fast.models.contract import Contract
from mgn_fast.models.in_use import kept_contract
from mgn_fast.types import AnyArray, F32Array, PathLike

SCHEMA = "mgn_fast.embeddings/1"
MAX_SIDECAR_BYTES = 1 << 30

# What NumPy's reader and its parsers raise for headers that are damaged or made to harm.
NPY_ERRORS = (
    OSError,
    ValueError,
    EOFError,
    OverflowError,
    SyntaxError,
    RecursionError,
    TokenError,
)


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Embeddings read from disk, with the names of their rows.

    Attributes:
        rows: float32, float16 or float64 [N, D], mapped from the file.
        names: of the rows; None where the file has no .json beside it.
        contract: of the model, as it was used, with where it was read; None where no .json says it.
    """

    rows: AnyArray
    names: tuple[str, ...] | None
    contract: Contract | None = None


def sidecar_path(path: PathLike) -> Path:
    """The .json that describes an embeddings file: the same path with that ending."""
    return Path(path).with_suffix(".json")


def write_embeddings(
    path: PathLike, rows: Iterable[tuple[str, F32Array]], embedder: Embedder
) -> int:
    """Writes embeddings as they come; both files appear whole or not at all.

    Args:
        path: the .npy file; its .json is written beside it.
        rows: (name, float32 [D]) one by one; only the names are kept in memory.
        embedder: whose model they come from.

    Returns:
        The number of rows.

    Raises:
        InvalidInputError: `path` does not end in .npy or cannot be written, a name comes twice, or
            the .json beside it is another program's file.
    """
    final = output_name(path, ".npy", exact=True)
    _require_replaceable(sidecar_path(final))
    with replacing(final) as temporary:
        with temporary.open("r+b") as file:
            names = _write_rows(file, rows, embedder.session.embedding_width)
        _write_sidecar(sidecar_path(final), names, file_sha256(temporary), embedder)
    return len(names)


def read_embeddings(path: PathLike) -> Embeddings:
    """Reads embeddings from a .npy file, and its names where a .json stands beside it.

    Args:
        path: a .npy file, float32, float16 or float64 [N, D], of any origin; never unpickled.

    Returns:
        The embeddings.

    Raises:
        InvalidInputError: missing, damaged, of another dtype or shape, or its .json is not its own.
    """
    rows = rows_in_npy(path)
    names, contract = _read_description(sidecar_path(path), Path(path), len(rows))
    return Embeddings(rows, names, contract)


def rows_in_npy(path: PathLike) -> AnyArray:
    """The rows of a .npy file, mapped; as `read_embeddings`, whatever stands beside it."""
    name = os.fspath(path)
    try:
        open_regular(path).close()
        # Mapped, not read: a header that claims more than the file holds is refused by that.
        rows = np.asarray(np.lib.format.open_memmap(path, mode="r"))
    except NPY_ERRORS as error:
        raise InvalidInputError(f"{name!r} is no readable .npy file: {error}") from error
    if rows.ndim != 2 or rows.dtype not in (np.float16, np.float32, np.float64):
        raise InvalidInputError(
            f"{name!r} holds {rows.dtype} {rows.shape}, expected float32 (or float16, float64) in "
            "two dimensions: one row per picture"
        )
    return rows


def _write_rows(file: BinaryIO, rows: Iterable[tuple[str, F32Array]], width: int) -> list[str]:
    """Writes rows behind a header for none, which is corrected last; gives the rows' names.

    NumPy pads headers so that a longer count fits later.
    """
    names: dict[str, None] = {}
    header_bytes = _write_header(file, 0, width)
    for name, row in rows:
        if name in names:
            raise InvalidInputError(
                f"the name {name!r} comes twice, expected each picture's name once"
            )
        names[name] = None
        file.write(row.astype("<f4", copy=False).tobytes())
    file.seek(0)
    assert _write_header(file, len(names), width) == header_bytes
    return list(names)


def _write_header(file: BinaryIO, count: int, width: int) -> int:
    header = {"descr": "<f4", "fortran_order": False, "shape": (count, width)}
    np.lib.format.write_array_header_1_0(file, header)
    return file.tell()


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


def _write_sidecar(path: Path, names: list[str], sha256: str, embedder: Embedder) -> None:
    session = embedder.session
    description: dict[str, Any] = {
        "schema": SCHEMA,
        "count": len(names),
        "width": session.embedding_width,
        "embeddings_sha256": sha256,
        "model": {"name": session.model_path.name, "sha256": file_sha256(session.model_path)},
        "backend": session.backend,
        "mirror": embedder.mirror,
        "contract": session.contract.to_dict() if session.contract else None,
        "contract_origin": session.contract.origin if session.contract else None,
        "skipped": [{"name": name, "reason": reason} for name, reason in embedder.skipped],
        "names": names,
    }
    write_json(path, description)


def _read_description(
    sidecar: Path, path: Path, count: int
) -> tuple[tuple[str, ...] | None, Contract | None]:
    if not sidecar.exists():
        return None, None
    try:
        description = json.loads(read_limited(sidecar, MAX_SIDECAR_BYTES))
        names = tuple(str(name) for name in description["names"])
        sha256 = description["embeddings_sha256"]
        contract = kept_contract(description, where=str(sidecar))
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidInputError(
            f"{str(sidecar)!r} does not describe embeddings: {error!r}; remove it to read "
            f"{str(path)!r} without names"
        ) from error
    if len(names) != count or sha256 != file_sha256(path):
        raise InvalidInputError(
            f"{str(sidecar)!r} describes {len(names)} rows of another file than {str(path)!r}, "
            f"which has {count}; write both again with `mgn-fast embed`"
        )
    return names, contract
