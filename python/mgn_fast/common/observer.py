# SPDX-License-Identifier: Apache-2.0
"""Timing hooks: each step of embedding hands a `Span` to the session's observer.

The default observer, `NO_OBSERVER`, drops it at no cost; benchmarks and progress displays bring
their own. Times are those of `time.perf_counter`. Knows nothing of the steps themselves.
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
    """When one step of embedding began and ended, and which thread or lane did it.

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
    """Receives the time of every step; this base class drops it. Any thread may call.

    Attributes:
        times_devices: wants to know what devices did too, which costs them an event before,
            between and after the steps of every batch.
    """

    times_devices = True

    def using(self, what: str, settings: Mapping[str, object]) -> None:
        """Receives what was opened, and with which settings.

        Args:
            what: such as "session".
            settings: by name.
        """

    def doing(self, what: str) -> contextlib.AbstractContextManager[None]:
        """A block that takes a while and has no steps, such as "opening the model"."""
        return _NOTHING

    def spent(self, span: Span) -> None:
        """Receives the span of one step, when the step is over."""

    def spending(self, stage: Stage) -> contextlib.AbstractContextManager[None]:
        """A `with` block that counts as one step of the stage."""
        return Spending(self, stage)


class Spending:
    """A `with` block whose time goes to an observer, however the block ends."""

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


class _NoObserver(Observer):
    """Drops everything, at no cost: what `NO_OBSERVER` is."""

    times_devices = False

    def spending(self, stage: Stage) -> contextlib.AbstractContextManager[None]:
        return _NOTHING


_NOTHING = contextlib.nullcontext()
NO_OBSERVER: Observer = _NoObserver()
_current: ContextVar[Observer] = ContextVar("observer", default=NO_OBSERVER)


@contextlib.contextmanager
def observing(observer: Observer) -> Iterator[None]:
    """Sessions that this thread opens in the block report to the observer as long as they live."""
    token = _current.set(observer)
    try:
        yield
    finally:
        _current.reset(token)


def current_observer() -> Observer:
    """The observer of the innermost `observing` block around the caller; outside, `NO_OBSERVER`."""
    return _current.get()
