# SPDX-License-Identifier: Apache-2.0
"""How many threads to use: the caller's number, else MGN_FAST_THREADS, else our cores.

Also holds NumPy's BLAS to that number, where NumPy multiplies for us.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mgn_fast.common.checks import whole_number

MAX_THREADS = 1024
# What the OpenBLAS of numpy's wheels calls them, newest first.
_BLAS_PREFIXES = (("scipy_openblas", "64_"), ("openblas", "64_"), ("openblas", ""))


def thread_count(threads: int | None = None, *, name: str = "threads") -> int:
    """The caller's number of threads, checked, or else the default.

    Args:
        threads: 1 to 1024, or None for MGN_FAST_THREADS, else the cores this process may run on.
        name: what to call it in messages.

    Returns:
        At least 1.

    Raises:
        InvalidInputError: `threads` or MGN_FAST_THREADS is not a whole number of 1 to 1024.
    """
    if threads is not None:
        return whole_number(name, threads, 1, MAX_THREADS)
    setting = os.environ.get("MGN_FAST_THREADS")
    if setting is not None:
        number: object = setting
        with contextlib.suppress(ValueError):
            number = int(setting)
        return whole_number("MGN_FAST_THREADS", number, 1, MAX_THREADS)
    return len(os.sched_getaffinity(0))


@contextlib.contextmanager
def blas_threads(count: int) -> Iterator[None]:
    """A block in which NumPy's products use so many threads, in the whole process.

    Only the OpenBLAS that NumPy's wheels bring can be held; any other keeps its own number, which
    its environment variable sets (OMP_NUM_THREADS for most).

    Args:
        count: at least 1.

    Yields:
        Nothing.
    """
    functions = _blas_functions()
    if functions is None:
        yield
        return
    get, set_to = functions
    before = get()
    set_to(min(count, before))
    try:
        yield
    finally:
        set_to(before)


@functools.cache
def _blas_functions() -> tuple[Any, Any] | None:
    """How to read and set the threads of NumPy's OpenBLAS; None where it has another BLAS."""
    for path in (Path(np.__file__).parent.parent / "numpy.libs").glob("*openblas*"):
        library = ctypes.CDLL(str(path))  # numpy has loaded it: this is the same one
        for prefix, suffix in _BLAS_PREFIXES:
            names = [f"{prefix}_{verb}_num_threads{suffix}" for verb in ("get", "set")]
            if all(hasattr(library, name) for name in names):
                return getattr(library, names[0]), getattr(library, names[1])
    return None
