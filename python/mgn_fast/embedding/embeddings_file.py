# SPDX-License-Identifier: Apache-2.0
"""Embeddings on disk: a .npy file and, beside it, a .json that says what its rows are.

The .json names every row, the model and its contract, and holds the .npy's SHA-256, so that two
files that do not belong together are refused. Tables, .csv and .parquet, have the names in them.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np

from mgn_fast.common.cache import file_sha256
from mgn_fast.common.files import open_regular, read_limited
from mgn_fast.errors import InvalidInputError
from mgn_fast.models.contract import Contract
from mgn_fast.models.in_use import kept_contract
from mgn_fast.types import AnyArray, PathLike

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
        simulated: whether a simulated NPU made them, as far as a .json says it.
    """

    rows: AnyArray
    names: tuple[str, ...] | None
    contract: Contract | None = None
    simulated: bool = False


def sidecar_path(path: PathLike) -> Path:
    """The .json that describes an embeddings file: the same path with that ending."""
    return Path(path).with_suffix(".json")


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
    return _described(rows, sidecar_path(path), Path(path))


def rows_in_npy(path: PathLike) -> AnyArray:
    """The rows of a .npy file, mapped; as `read_embeddings`, whatever stands beside it."""
    name = os.fspath(path)
    try:
        open_regular(path).close()
        # Mapped, not read: a header that claims more than the file holds is refused by that.
        rows = np.asarray(np.lib.format.open_memmap(path, mode="r"))
    except NPY_ERRORS as error:
        raise InvalidInputError(f"{name!r} is no readable .npy file: {error}") from error
    return checked_rows(rows, path)


def checked_rows(rows: Any, path: PathLike) -> AnyArray:
    """What a file holds as an array [N, D] of a floating dtype; InvalidInputError if it is none."""
    array = np.asarray(rows)
    if array.ndim != 2 or array.dtype not in (np.float16, np.float32, np.float64):
        raise InvalidInputError(
            f"{os.fspath(path)!r} holds {array.dtype} {array.shape}, expected float32 (or float16, "
            "float64) in two dimensions: one row per picture"
        )
    return array


def _described(rows: AnyArray, sidecar: Path, path: Path) -> Embeddings:
    """The rows with what the .json beside their file says of them."""
    if not sidecar.exists():
        return Embeddings(rows, None)
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
    if len(names) != len(rows) or sha256 != file_sha256(path):
        raise InvalidInputError(
            f"{str(sidecar)!r} describes {len(names)} rows of another file than {str(path)!r}, "
            f"which has {len(rows)}; write both again with `mgn-fast embed`"
        )
    return Embeddings(rows, names, contract, description.get("simulated") is True)
