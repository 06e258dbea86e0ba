# SPDX-License-Identifier: Apache-2.0
"""How many threads to use: the caller's number, else MGN_FAST_THREADS, else our cores.

Also holds NumPy's BLAS to that number, where NumPy multiplies for us.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mgn_fast.common.checks import whole_number

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

MAX_THREADS = 1024


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

    Never raises a number: one that the environment keeps lower (OPENBLAS_NUM_THREADS and the like)
    stays as it is.

    Args:
        count: at least 1.

    Yields:
        Nothing.
    """
    blas = _blas()
    own = [library.num_threads for library in blas.lib_controllers]
    with blas.limit(limits=min([count, *own])):
        yield


@functools.cache
def _blas() -> ThreadpoolController:
    """The BLAS libraries of this process, whichever numpy was built with."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")
