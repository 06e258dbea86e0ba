# SPDX-License-Identifier: Apache-2.0
"""What is known of pictures beside their names: person, camera, and whatever else users keep.

Owns which labels there can be, and whose they are. Knows no file.
"""

from __future__ import annotations

import json
import operator
import os
from collections.abc import Collection, Mapping
from typing import Any

from mgn_fast.errors import InvalidInputError
from mgn_fast.gallery.file import WORDS, Labels
from mgn_fast.types import PathLike

LabelsByName = Mapping[str, Mapping[str, Any]]


def checked_labels(picture: str, labels: Any) -> Labels:
    """A picture's labels as a gallery keeps them.

    Args:
        picture: its name, for messages.
        labels: keys with JSON values. "person" and "camera" are words or whole numbers. None takes
            a key away.

    Returns:
        The same with words in place of numbers of persons and cameras, as a copy.

    Raises:
        InvalidInputError: no mapping of texts, or a value that JSON does not have.
    """
    if not isinstance(labels, Mapping) or not all(isinstance(key, str) and key for key in labels):
        raise InvalidInputError(
            f"the labels of {picture!r} are {labels!r}, expected a dict with keys such as 'person'"
        )
    try:
        checked = {
            key: _word(key, value) if key in WORDS and value is not None else value
            for key, value in labels.items()
        }
        copied: Labels = json.loads(json.dumps(checked, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInputError(f"the labels of {picture!r} cannot be kept: {error}") from error
    return copied


def updated(labels: Labels, changes: Labels) -> Labels:
    """Labels with some keys set to other values, and those taken away whose new value is None."""
    return {key: value for key, value in (labels | changes).items() if value is not None}


class LabelTable:
    """Labels that a caller gave, by a picture's name in the gallery or by its path.

    Args:
        labels: by name or path; None for none at all.

    Raises:
        InvalidInputError: as for `checked_labels`.
    """

    def __init__(self, labels: LabelsByName | None) -> None:
        if labels is not None and not isinstance(labels, Mapping):
            raise InvalidInputError(
                f"labels is a {type(labels).__name__}, expected a dict of names with their labels"
            )
        self._by_name = {
            os.fspath(name): checked_labels(os.fspath(name), label)
            for name, label in (labels or {}).items()
        }
        self._by_path = {os.path.abspath(name): name for name in self._by_name}  # noqa: PTH100

    def __bool__(self) -> bool:
        return bool(self._by_name)

    def key_of(self, name: str, path: PathLike | None = None) -> str | None:
        """What the table calls a picture; None where it does not know it.

        Args:
            name: in the gallery, which is looked up first.
            path: of its file; None where it has none.

        Returns:
            Its name or path as the caller gave it.
        """
        if name in self._by_name or path is None:
            return name if name in self._by_name else None
        return self._by_path.get(os.path.abspath(path))  # noqa: PTH100

    def of(self, name: str, path: PathLike | None = None) -> Labels:
        """The labels of a picture, with None for keys that are to go; {} where there are none."""
        key = self.key_of(name, path)
        return {} if key is None else self._by_name[key]

    def unused(self, keys: Collection[str]) -> list[str]:
        """What the table calls pictures that are none of these."""
        return [key for key in self._by_name if key not in keys]


def _word(key: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    try:
        if isinstance(value, bool):
            raise TypeError
        return str(operator.index(value))
    except TypeError as error:
        raise TypeError(f"{key} is {value!r}, expected a word or a whole number") from error
