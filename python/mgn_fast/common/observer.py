# SPDX-License-Identifier: Apache-2.0
"""Who is told what every step of embedding took: nobody, unless a benchmark or a person asks.

Times are those of `time.perf_counter`. Knows nothing of the steps themselves.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Literal, NamedTuple

# In the order in which a picture goes through them. The waits are those of the thread that feeds
# the lanes: for decoded pictures, for a free lane, and at the end for the batches still under way.
Stage = Literal[
    "decode",
    "resize",
    "decode_wait",
    "pack",
    "lane_wait",
    "h2d",
    "compute",
    "d2h",
    "result_wait",
    "fuse",
]


class Span(NamedTuple):
    """One step.

    Attributes:
        stage: what was done.
        started_s: when, in seconds of `time.perf_counter`.
        ended_s: when it was over.
        track: who did it: a thread's name, or "lane 0".
        engine: of a device's stages, which of the session's engines; those of one wait for each
            other.
    """

    stage: Stage
    started_s: float
    ended_s: float
    track: str
    engine: int = 0


class Observer:
    """Is told of every step; this one forgets it. Any thread may call.

    Attributes:
        times_devices: wants to know what devices did too, which costs them an event before,
            between and after the steps of every batch.
    """

    times_devices = True

    def using(self, what: str, settings: Mapping[str, object]) -> None:
        """Takes note of what was opened, and with which settings.

        Args:
            what: such as "session".
            settings: by name.
        """

    def doing(self, what: str) -> contextlib.AbstractContextManager[None]:
        """A block that takes a while and has no steps, such as "opening the model"."""
        return _NOTHING

    def spent(self, span: Span) -> None:
        """Takes note of one step."""

    def spending(self, stage: Stage) -> contextlib.AbstractContextManager[None]:
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
        ended_s = time.perf_counter()
        track = threading.current_thread().name
        self._observer.spent(Span(self._stage, self._started_s, ended_s, track))


class _Nobody(Observer):
    """Hears nothing, at no cost."""

    times_devices = False

    def spending(self, stage: Stage) -> contextlib.AbstractContextManager[None]:
        return _NOTHING


_NOTHING = contextlib.nullcontext()
NO_OBSERVER: Observer = _Nobody()
_current: ContextVar[Observer] = ContextVar("observer", default=NO_OBSERVER)


@contextlib.contextmanager
def observing(observer: Observer) -> Iterator[None]:
    """Sessions opened in the block, by this thread, tell the observer for as long as they live."""
    token = _current.set(observer)
    try:
        yield
    finally:
        _current.reset(token)


def current_observer() -> Observer:
    """Of the innermost `observing` block around the caller; `NO_OBSERVER` outside."""
    return _current.get()
