# SPDX-License-Identifier: Apache-2.0
"""How many threads to use: the caller's number, else MGN_FAST_THREADS, else our cores."""

from __future__ import annotations

import os

from .errors import InvalidInputError


def thread_count(threads: int | None = None) -> int:
    """The number of threads to use.

    Args:
        threads: at least 1, or None for MGN_FAST_THREADS, else the cores this process may run on.

    Returns:
        At least 1.

    Raises:
        InvalidInputError: `threads` or MGN_FAST_THREADS is not a whole number of at least 1.
    """
    if threads is not None:
        return _at_least_one("threads", threads)
    setting = os.environ.get("MGN_FAST_THREADS")
    if setting is not None:
        return _at_least_one("MGN_FAST_THREADS", setting)
    return len(os.sched_getaffinity(0))


def _at_least_one(name: str, value: object) -> int:
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InvalidInputError(f"{name} is {value!r}, expected a whole number of at least 1")
    return value
