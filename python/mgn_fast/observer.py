# SPDX-License-Identifier: Apache-2.0
"""Who is told what every step of embedding took: nobody, unless a benchmark asks.

Times are those of `time.perf_counter`. Knows nothing of the steps themselves.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Literal

# In the order in which a picture goes through them.
Stage = Literal["decode", "resize", "pack", "lane_wait", "h2d", "compute", "d2h", "fuse"]


class Observer:
    """Is told of every step; this one forgets it. Any thread may call."""

    def spent(self, stage: Stage, started_s: float, ended_s: float) -> None:
        """Takes note of one step."""

    def spending(self, stage: Stage) -> Spending:
        """A block that is one step."""
        return Spending(self, stage)


class Spending:
    """A `with` block whose time an observer is told, however the block ends."""

    __slots__ = ("_observer", "_stage", "_started_s")

    def __init__(self, observer: Observer, stage: Stage) -> None:
        self._observer = observer
        self._stage: Stage = stage

    def __enter__(self) -> None:
        self._started_s = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._observer.spent(self._stage, self._started_s, time.perf_counter())


NOBODY = Observer()
_current: ContextVar[Observer] = ContextVar("observer", default=NOBODY)


@contextlib.contextmanager
def observing(observer: Observer) -> Iterator[None]:
    """Sessions opened in the block, by this thread, tell the observer for as long as they live."""
    token = _current.set(observer)
    try:
        yield
    finally:
        _current.reset(token)


def current_observer() -> Observer:
    """Of the innermost `observing` block around the caller; NOBODY outside."""
    return _current.get()
