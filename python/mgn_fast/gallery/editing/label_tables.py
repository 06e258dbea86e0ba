# SPDX-License-Identifier: Apache-2.0
"""Labels of a gallery's pictures from a table: a CSV file, JSON, Parquet or a DataFrame."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from mgn_fast.datasets.tables import Table, is_empty, read_table
from mgn_fast.errors import DatasetError
from mgn_fast.gallery.file import WORDS, Labels

_KEYS = ("name", "path")


def labels_in_table(source: Any, names: Container[str]) -> dict[str, Labels]:
    """The labels that a table has for pictures.

    Args:
        source: a .csv, .tsv, .json, .jsonl or .parquet file, or a DataFrame. Its column `name` is
            the picture's in the gallery; its column `path` such a name, or a path relative to the
            file's directory. Other columns are labels' keys, in small letters: `person`, `camera`,
            any others. An empty cell sets nothing.
        names: of the gallery's pictures.

    Returns:
        Labels by name or path, for `changes.label`.

    Raises:
        DatasetError: it cannot be read, has neither column, has a row that names no picture or one
            that another row names.
        RuntimeUnavailableError: .parquet, and pyarrow is not installed.
    """
    table = read_table(source)
    keys = [key for key in _KEYS if key in table.columns]
    if not keys:
        raise DatasetError(
            f"{table.what} have the columns {', '.join(table.columns)[:200]}, expected name or "
            "path among them"
        )
    called = {key: table.text(key, may_lack=len(keys) > 1) for key in keys}
    words = {key: table.text(key, may_lack=True) for key in WORDS if key in table.columns}
    others = [key for key in table.columns if key not in (*_KEYS, *WORDS)]
    found: dict[str, Labels] = {}
    for place, row in enumerate(table.row_names):
        picture = _picture(table, {key: texts[place] for key, texts in called.items()}, names, row)
        if picture in found:
            raise DatasetError(f"{table.what}, {row}, name {picture!r}, which an earlier row does")
        label: Labels = {key: texts[place] for key, texts in words.items() if texts[place]}
        cells = {key: table.columns[key][place] for key in others}
        found[picture] = label | {key: cell for key, cell in cells.items() if not is_empty(cell)}
    return found


def _picture(table: Table, called: dict[str, str], names: Container[str], row: str) -> str:
    """What `LabelTable` calls the picture of a row."""
    if called.get("name"):
        return called["name"]
    path = called.get("path")
    if not path:
        raise DatasetError(f"{table.what}, {row}, have neither name nor path, expected one")
    return path if path in names else str(table.directory / path)
