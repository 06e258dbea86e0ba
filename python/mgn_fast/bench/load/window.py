# SPDX-License-Identifier: Apache-2.0
"""Sorts the results of an unbroken measurement into warm-up and repeats.

Nothing is counted of the warm-up. A repeat begins and ends with the first result of a burst, as
results of one batch come together: so it holds whole batches and neither the filling of the
pipeline nor its emptying.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from mgn_fast.errors import InvalidInputError
from mgn_fast.types import F64Array

# Fewer say little of a rate.
MIN_BURSTS = 5
Clock = Callable[[], float]


@dataclass(frozen=True)
class Pace:
    """How long to measure: warm-up, repeats, and the least length of a repeat.

    Attributes:
        warmup_s: before anything counts, from 0.
        duration_s: of one repeat at least, above 0; it goes on until it has its bursts.
        repeats: at least 1.
        bursts: of one repeat at least, from 1.
    """

    warmup_s: float = 0.5
    duration_s: float = 2.0
    repeats: int = 5
    bursts: int = MIN_BURSTS

    def __post_init__(self) -> None:
        for name, value, least in (
            ("warmup", self.warmup_s, 0.0),
            ("duration", self.duration_s, 1e-3),
            ("repeat", self.repeats, 1),
            ("bursts", self.bursts, 1),
        ):
            if not least <= value < 1e6:
                raise InvalidInputError(f"{name} is {value}, expected {least:g} or more")


@dataclass
class Repeat:
    """One repeat: when its results came, their latencies, and the images under way.

    Attributes:
        started_s: first result of its first burst.
        ended_s: first result of the burst after it.
        images: results' images, summed.
        latencies_s: of each result.
        bursts_s: when each burst began.
        in_flight: images begun and not ended, at random moments.
    """

    started_s: float
    ended_s: float = 0.0
    images: int = 0
    latencies_s: list[float] = field(default_factory=list)
    bursts_s: list[float] = field(default_factory=list)
    in_flight: list[int] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Length of the repeat in seconds."""
        return self.ended_s - self.started_s

    @property
    def rate(self) -> float:
        """Images per second over the whole repeat."""
        return self.images / self.seconds

    @property
    def gaps_s(self) -> F64Array:
        """Seconds from each burst's beginning to the next one's."""
        return np.diff([*self.bursts_s, self.ended_s])


class Windows:
    """Takes results as they come and sorts them into repeats. Belongs to one thread.

    Attributes:
        repeats: those that are complete.
    """

    def __init__(self, pace: Pace, clock: Clock = time.perf_counter, *, lanes: int = 1) -> None:
        self._pace = pace
        self._lanes = lanes
        self._warm_from_s = clock() + pace.warmup_s
        self._burst: int | None = None
        self._open: Repeat | None = None
        self._num_warm_bursts = 0
        self.repeats: list[Repeat] = []

    @property
    def done(self) -> bool:
        """True once all repeats are complete."""
        return len(self.repeats) == self._pace.repeats

    @property
    def current(self) -> Repeat | None:
        """The repeat that is being measured; None while warming up and at the end."""
        return self._open

    def note(self, started_s: float, ended_s: float, images: int, burst: int) -> None:
        """Counts one result in the repeat that is being measured, if any.

        Args:
            started_s: when it was begun.
            ended_s: when it was there.
            images: that it holds.
            burst: number of the burst it came with.
        """
        if burst != self._burst:
            self._burst = burst
            self._begin_burst(ended_s)
        if self._open is not None:
            self._open.images += images
            self._open.latencies_s.append(ended_s - started_s)

    def _begin_burst(self, now_s: float) -> None:
        if self._open is None:
            self._num_warm_bursts += 1
            # While lanes are filled for the first time, results are noticed late.
            filling = self._num_warm_bursts <= self._lanes + 1
            if now_s < self._warm_from_s or filling or self.done:
                return
        else:
            current = self._open
            long_enough = now_s - current.started_s >= self._pace.duration_s
            if long_enough and len(current.bursts_s) >= self._pace.bursts:
                current.ended_s = now_s
                self.repeats.append(current)
                self._open = None
                if self.done:
                    return
        if self._open is None:
            self._open = Repeat(now_s)
        self._open.bursts_s.append(now_s)
