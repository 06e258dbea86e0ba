# SPDX-License-Identifier: Apache-2.0
"""Checks of arguments that many functions take, each with one wording for its refusal."""

from __future__ import annotations

import operator
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from mgn_fast.errors import InvalidInputError


def whole_number(name: str, value: Any, least: int, most: int | None = None) -> int:
    """A whole number within its range; True and False are none.

    Args:
        name: of the argument, for the message.
        value: of the argument; NumPy's integers count as whole numbers.
        least: the smallest that is allowed.
        most: the largest; None for no limit.

    Returns:
        The number as Python's own int.

    Raises:
        InvalidInputError: it is not a whole number, or outside the range.
    """
    expected = f"a whole number from {least} up" if most is None else f"{least} to {most}"
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < least or (most is not None and number > most):
        raise InvalidInputError(f"{name} is {value!r}, expected {expected}")
    return number


def one_of(name: str, value: Any, allowed: Collection[Any]) -> None:
    """Raises InvalidInputError, which lists the allowed values, if the value is none of them."""
    if not any(value is word or (type(value) is type(word) and value == word) for word in allowed):
        words = ", ".join(map(repr, allowed))
        raise InvalidInputError(f"{name} is {value!r}, expected one of {words}")


def share(name: str, value: Any) -> float:
    """The argument as a float in [0, 1]; InvalidInputError for any other, True and False too."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if isinstance(value, (bool, str)) or not 0 <= number <= 1:
        raise InvalidInputError(f"{name} is {value!r}, expected 0 to 1")
    return number


def output_name(path: str | os.PathLike[str], *suffixes: str) -> Path:
    """The path of an output file; InvalidInputError if it ends in none of the suffixes.

    Args:
        path: where to write.
        suffixes: what it may end in, in small letters; capitals are the same.

    Returns:
        The path.
    """
    found = Path(path).suffix
    if found.lower() not in suffixes:
        raise InvalidInputError(
            f"output {os.fspath(path)!r} ends in {found!r}, "
            f"expected {' or '.join(map(repr, suffixes))}"
        )
    return Path(path)
