# SPDX-License-Identifier: Apache-2.0
"""Collects the spans of a benchmark and adds them up. Any thread may record."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter

import numpy as np

from mgn_fast.common.observer import Observer, Span, Stage
from mgn_fast.types import F64Array

# Of a device: what an engine does for one batch another batch's has to wait for.
DEVICE_STAGES: tuple[Stage, ...] = ("h2d", "compute", "d2h")


class Recorder(Observer):
    """Keeps every span until `take` collects them.

    Attributes:
        num_batches: sent so far, for telling which results came together.
    """

    def __init__(self) -> None:
        self._spans: list[Span] = []
        self.num_batches = 0

    def spent(self, span: Span) -> None:
        """Keeps the span; one that waits for a lane begins a batch."""
        self._spans.append(span)
        if span.stage == "lane_wait":
            self.num_batches += 1

    def take(self) -> list[Span]:
        """All spans since the last call of this method."""
        spans, self._spans = self._spans, []
        return spans


def busy_s(spans: Iterable[Span], stage: Stage, started_s: float, ended_s: float) -> float:
    """Seconds for which a stage was at work within a window.

    Threads' time is added up. A device's engine does one thing at a time, and what was measured of
    a batch holds its waiting for another lane's; so of each engine the time counts during which any
    batch was in the stage, and engines are added up.

    Args:
        spans: in any order.
        stage: to add up.
        started_s: of the window.
        ended_s: of the window.

    Returns:
        Seconds.
    """
    by_engine: dict[int, list[tuple[float, float]]] = {}
    for span in spans:
        first, last = max(span.started_s, started_s), min(span.ended_s, ended_s)
        if span.stage == stage and first < last:
            by_engine.setdefault(span.engine, []).append((first, last))
    ends = {engine: np.array(pairs) for engine, pairs in by_engine.items()}
    if stage in DEVICE_STAGES:
        return sum(_covered(pairs) for pairs in ends.values())
    return float(sum((pairs[:, 1] - pairs[:, 0]).sum() for pairs in ends.values()))


def service_times_s(spans: Iterable[Span], stage: Stage) -> list[tuple[float, float]]:
    """Seconds an engine was busy with each batch, without the waiting for other lanes' batches.

    An engine takes one batch after the other, so a batch has it from when the last one left.

    Args:
        spans: in any order.
        stage: of a device.

    Returns:
        When each batch left the stage, and how long it had the engine; in seconds.
    """
    left_s: dict[int, float] = {}
    times = []
    for span in sorted((s for s in spans if s.stage == stage), key=attrgetter("ended_s")):
        began_s = max(span.started_s, left_s.get(span.engine, span.started_s))
        times.append((span.ended_s, max(0.0, span.ended_s - began_s)))
        left_s[span.engine] = span.ended_s
    return times


def _covered(pairs: F64Array) -> float:
    """The length of the union of intervals [start, end]."""
    ordered = pairs[np.argsort(pairs[:, 0], kind="stable")]
    # Up to where everything before an interval reaches.
    reached = np.maximum.accumulate(ordered[:, 1])
    uncovered_from = np.maximum(ordered[1:, 0], reached[:-1])
    rest = np.maximum(ordered[1:, 1] - uncovered_from, 0.0)
    return float(ordered[0, 1] - ordered[0, 0] + rest.sum())
