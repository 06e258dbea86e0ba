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
    """Refuses what only counts as true or false.

    Args:
        name: of the argument, for the message.
        value: of the argument.

    Raises:
        InvalidInputError: it is neither True nor False.
    """
    if not isinstance(value, bool):
        raise InvalidInputError(f"{name} is {value!r}, expected True or False")


def path_of(name: str, value: Any) -> Path:
    """A path, whether or not anything is there.

    Args:
        name: of the argument, for the message.
        value: of the argument.

    Returns:
        The path.

    Raises:
        InvalidInputError: it is no text and no path.
    """
    if not isinstance(value, (str, os.PathLike)):
        raise InvalidInputError(f"{name} is {value!r}, expected a path")
    return Path(value)


def one_of(name: str, value: Any, allowed: Collection[Any]) -> None:
    """Refuses a word that is not among those that are known.

    Args:
        name: of the argument, for the message.
        value: of the argument.
        allowed: what it may be, in the order in which the message lists them.

    Raises:
        InvalidInputError: it is none of them.
    """
    if not any(value is word or (type(value) is type(word) and value == word) for word in allowed):
        words = ", ".join(map(repr, allowed))
        raise InvalidInputError(f"{name} is {value!r}, expected one of {words}")


def share(name: str, value: Any, least: float = 0) -> float:
    """A share of a whole, or anything else that is at most 1.

    Args:
        name: of the argument, for the message.
        value: of the argument.
        least: the smallest that is allowed; -1 for a cosine.

    Returns:
        The share, in [least, 1].

    Raises:
        InvalidInputError: it is not a number in that range.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(value, (bool, str)) or not least <= number <= 1:
        raise InvalidInputError(f"{name} is {value!r}, expected a number from {least} to 1")
    return number


def output_name(path: Any, *suffixes: str, exact: bool = False) -> Path:
    """Refuses a name for an output file that says it is something else.

    Args:
        path: where to write.
        suffixes: what it may end in, in small letters; capitals are the same.
        exact: they are not, as for a file that is known by its name later.

    Returns:
        The path.

    Raises:
        InvalidInputError: it is no path, or ends in something else.
    """
    output = path_of("output", path)
    found = output.suffix if exact else output.suffix.lower()
    if found not in suffixes:
        raise InvalidInputError(
            f"output {os.fspath(path)!r} ends in {output.suffix!r}, "
            f"expected {' or '.join(map(repr, suffixes))}"
        )
    return output
