# SPDX-License-Identifier: Apache-2.0
"""Labels for a gallery's pictures, as a file or as options give them."""

from __future__ import annotations

import argparse
import csv
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mgn_fast.common.files import read_limited
from mgn_fast.errors import DatasetError, InvalidInputError

_MAX_BYTES = 1 << 30
_KEYS = ("name", "path")


def labels_in_file(path: Path, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The labels that a table has for pictures.

    Args:
        path: a CSV or JSON file. Its columns are `name`, as the gallery has it, or `path`, which is
            such a name or relative to the file; and the labels' keys. An empty cell sets nothing.
        names: of the gallery's pictures.

    Returns:
        Labels by name or path, for `label`.

    Raises:
        DatasetError: it cannot be read, has neither column, or names a picture twice.
    """
    known = set(names)
    found: dict[str, dict[str, Any]] = {}
    for number, row in enumerate(_rows(path), 1):
        column = next((key for key in _KEYS if row.get(key) not in (None, "")), None)
        if column is None:
            raise DatasetError(
                f"labels {str(path)!r}, row {number}, are {row!r}, expected the column name or path"
            )
        called = str(row[column])
        key = called if column == "name" or called in known else str(path.parent / called)
        if key in found:
            raise DatasetError(f"labels {str(path)!r} list {called!r} twice")
        found[key] = {
            word: value for word, value in row.items() if word not in _KEYS and value != ""
        }
    if not found:
        raise DatasetError(f"labels {str(path)!r} list no picture")
    return found


def labels_in_words(arguments: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """The labels that --name, --person, --camera, --set and --unset say.

    Args:
        arguments: the parsed command line.

    Returns:
        Labels by name, for `label`.

    Raises:
        InvalidInputError: a --set without "=".
    """
    labels: dict[str, Any] = {}
    for word in arguments.set:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise InvalidInputError(f"--set is {word!r}, expected KEY=VALUE")
        labels[key] = _json_or_text(value)
    labels |= dict.fromkeys(arguments.unset)
    for key in ("person", "camera"):
        if getattr(arguments, key) is not None:
            labels[key] = getattr(arguments, key)
    return dict.fromkeys(arguments.name, labels)


def _json_or_text(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


def _rows(path: Path) -> list[Mapping[str, Any]]:
    try:
        text = read_limited(path, _MAX_BYTES, DatasetError, what="labels").decode("utf-8-sig")
        if path.suffix.lower() == ".json":
            found = json.loads(text)
            if isinstance(found, dict):
                found = [{"name": name} | labels for name, labels in found.items()]
            if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
                raise ValueError("expected a list of objects, or an object by name")
            return found
        return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    except (ValueError, TypeError, csv.Error, RecursionError) as error:
        raise DatasetError(f"labels {str(path)!r} cannot be read: {error}") from error
