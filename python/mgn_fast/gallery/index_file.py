# SPDX-License-Identifier: Apache-2.0
"""An index's two files: FAISS's own, and a .json beside it with its kind and how to search it.

FAISS reads its files without doubting them, so what it gets is first compared with its CRC-32: that
keeps damage away, not malice.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mgn_fast.common.files import open_regular, read_limited, replacing, write_json
from mgn_fast.errors import DatasetError

SCHEMA = "mgn_fast.index/1"


@dataclass(frozen=True)
class IndexSettings:
    """An index's kind, the gallery it was made of, how it is searched and its recall.

    Attributes:
        kind: FAISS's own name for it, as `faiss.index_factory` takes.
        num_rows: of the gallery that are in it.
        gallery_crc: the gallery's CRC-32 up to there.
        index_crc: CRC-32 of the index's file.
        num_probes: lists of the index that a query visits.
        proposals: for each picture wanted.
        depth: for which recall was measured.
        recall: share of the truly nearest `depth` pictures that it finds.
    """

    kind: str
    num_rows: int
    gallery_crc: int
    index_crc: int
    num_probes: int
    proposals: int
    depth: int
    recall: float


def _settings_path(path: Path) -> Path:
    return path.with_suffix(path.suffix + ".json")


def read_settings(path: Path) -> IndexSettings | None:
    """The settings in the .json beside an index; None where there is no index.

    Args:
        path: of the index.

    Returns:
        Its settings.

    Raises:
        DatasetError: its .json is missing or damaged.
    """
    described = _settings_path(path)
    if not path.exists() and not described.exists():
        return None
    try:
        fields = json.loads(read_limited(described, 1 << 16))
        if fields.pop("schema") != SCHEMA:
            raise ValueError("its schema is another")
        return IndexSettings(**fields)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DatasetError(
            f"{str(described)!r} does not describe the index {str(path)!r}: {error}; remove both "
            "to make the index again, or choose another name"
        ) from error


def read_index(faiss: Any, path: Path, settings: IndexSettings) -> Any:
    """The FAISS index in a file; DatasetError if it is unreadable or its CRC-32 is another."""
    try:
        crc = _crc_of(path)
    except OSError as error:
        raise DatasetError(f"index {str(path)!r} cannot be read: {error.strerror}") from error
    if crc != settings.index_crc:
        raise DatasetError(
            f"index {str(path)!r} is damaged, or not the one that {str(_settings_path(path))!r} "
            "describes; remove both to make it again"
        )
    return faiss.read_index(str(path))


def write_index(faiss: Any, path: Path, index: Any, settings: IndexSettings) -> IndexSettings:
    """Writes an index and its .json; each appears whole or not at all.

    Args:
        faiss: the module.
        path: of the index.
        index: FAISS's.
        settings: of it.

    Returns:
        The settings with the file's CRC-32.

    Raises:
        InvalidInputError: a file cannot be written.
    """
    with replacing(path) as temporary:
        faiss.write_index(index, str(temporary))
        settings = replace(settings, index_crc=_crc_of(temporary))
        # First what describes it: with the old index it does not fit, and that is noticed.
        write_json(_settings_path(path), {"schema": SCHEMA} | asdict(settings))
    return settings


def _crc_of(path: Path) -> int:
    crc = 0
    with open_regular(path) as file:
        while block := file.read(1 << 20):
            crc = zlib.crc32(block, crc)
    return crc
