# SPDX-License-Identifier: Apache-2.0
"""How many threads to use: the caller's number, else MGN_FAST_THREADS, else our cores."""

from __future__ import annotations

import operator
import os
from typing import Any

from .errors import InvalidInputError

MAX_THREADS = 1024


def thread_count(threads: int | None = None, *, name: str = "threads") -> int:
    """The number of threads to use.

    Args:
        threads: 1 to 1024, or None for MGN_FAST_THREADS, else the cores this process may run on.
        name: what to call it in messages.

    Returns:
        At least 1.

    Raises:
        InvalidInputError: `threads` or MGN_FAST_THREADS is not a whole number of 1 to 1024.
    """
    if threads is not None:
        return _checked(name, threads)
    setting = os.environ.get("MGN_FAST_THREADS")
    if setting is not None:
        return _checked("MGN_FAST_THREADS", setting)
    return len(os.sched_getaffinity(0))


def _checked(name: str, value: Any) -> int:
    try:
        number = int(value) if isinstance(value, str) else operator.index(value)
    except (TypeError, ValueError):
        number = 0
    if isinstance(value, bool) or not 1 <= number <= MAX_THREADS:
        raise InvalidInputError(
            f"{name} is {value!r}, expected a whole number from 1 to {MAX_THREADS}"
        )
    return number
