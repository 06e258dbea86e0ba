# SPDX-License-Identifier: Apache-2.0
"""Checks of arguments that many functions take, each with one wording for its refusal."""

from __future__ import annotations

import math
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
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < least or (most is not None and number > most):
        limit = "up" if most is None else f"to {most}"
        expected = f"a whole number from {least} {limit}"
        raise InvalidInputError(f"{name} is {value!r}, expected {expected}")
    return number


def true_or_false(name: str, value: Any) -> None:
    """Raises InvalidInputError unless the value is True or False itself."""
    if not isinstance(value, bool):
        raise InvalidInputError(f"{name} is {value!r}, expected True or False")


def path_of(name: str, value: Any) -> Path:
    """The argument as a Path, whether or not anything is there; InvalidInputError for others."""
    if not isinstance(value, (str, os.PathLike)):
        raise InvalidInputError(f"{name} is {value!r}, expected a path")
    return Path(value)


def one_of(name: str, value: Any, allowed: Collection[Any]) -> None:
    """Raises InvalidInputError, which lists the allowed values, if the value is none of them."""
    if not any(value is word or (type(value) is type(word) and value == word) for word in allowed):
        words = ", ".join(map(repr, allowed))
        raise InvalidInputError(f"{name} is {value!r}, expected one of {words}")


def share(name: str, value: Any, least: float = 0) -> float:
    """The argument as a float in [least, 1] (of a cosine least is -1); else InvalidInputError."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(value, (bool, str)) or not least <= number <= 1:
        raise InvalidInputError(f"{name} is {value!r}, expected a number from {least} to 1")
    return number


def output_name(path: Any, *suffixes: str, exact: bool = False) -> Path:
    """The path of an output file; InvalidInputError if it is no path or ends in another suffix.

    Args:
        path: where to write.
        suffixes: what it may end in, in small letters; capitals are the same.
        exact: they are not, as for a file that is known by its name later.

    Returns:
        The path.
    """
    output = path_of("output", path)
    found = output.suffix if exact else output.suffix.lower()
    if found not in suffixes:
        raise InvalidInputError(
            f"output {os.fspath(path)!r} ends in {output.suffix!r}, "
            f"expected {' or '.join(map(repr, suffixes))}"
        )
    return output
