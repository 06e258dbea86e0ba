# SPDX-License-Identifier: Apache-2.0
"""Names for what limits the rate of a run, and a tally that tells it while the run goes on.

The tally asks nothing of a device: one thread feeds the lanes, and what it waits for limits the
rate. `bench.record.verdict` measures how busy every stage is, which takes events on a device.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Literal

from mgn_fast.common.observer import Observer, Span, Stage

# "feed" is the thread that packs images and adds embeddings; "lanes": nothing is busy, batches wait
# for each other; "load": images come slower than they could be taken.
Bottleneck = Literal["decode", "feed", "h2d", "compute", "d2h", "lanes", "load"]

# After "bound by": what can be told without asking the device.
NOUNS: dict[Bottleneck, str] = {"decode": "decoding", "feed": "packing", "compute": "the model"}

# What the feeding thread does, by what limits the rate while it does that.
_FEEDING: dict[Stage, Bottleneck] = {
    "decode_wait": "decode",
    "lane_wait": "compute",
    "result_wait": "compute",
    "pack": "feed",
    "fuse": "feed",
}
# A batch of MGN takes most of a second on a small CPU, and several have to lie in the window.
WINDOW_S = 10.0


class StageTally(Observer):
    """Sums up the seconds of each stage, of all threads together. Any thread may call."""

    times_devices = False

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds: dict[Stage, float] = {}
        self._began_s, self._ended_s = math.inf, -math.inf
        # When, and the sums then: what lies between the oldest and now is the window.
        self._past: deque[tuple[float, dict[Stage, float]]] = deque([(time.perf_counter(), {})])
        self._last_bottleneck: Bottleneck | None = None

    def spent(self, span: Span) -> None:
        """Adds the seconds of one step to those of its stage."""
        seconds = span.ended_s - span.started_s
        with self._lock:
            self._seconds[span.stage] = self._seconds.get(span.stage, 0.0) + seconds
            self._began_s = min(self._began_s, span.started_s)
            self._ended_s = max(self._ended_s, span.ended_s)

    def seconds(self) -> dict[Stage, float]:
        """Seconds of each stage so far; threads that work at once are added up."""
        with self._lock:
            return dict(self._seconds)

    def overall(self) -> Bottleneck | None:
        """What limited the rate from the first step to the last; None where that is not known."""
        return bottleneck_of(self.seconds(), self._ended_s - self._began_s)

    def restart(self) -> None:
        """Makes `recent` forget every step before this call."""
        self._past = deque([(time.perf_counter(), self.seconds())])
        self._last_bottleneck = None

    def recent(self) -> Bottleneck | None:
        """What has limited the rate lately; None where it cannot be told. For one thread."""
        now_s, sums = time.perf_counter(), self.seconds()
        if _feeding(sums) == _feeding(self._past[-1][1]):
            return self._last_bottleneck  # a wait that is not over is not told of yet
        while len(self._past) > 1 and self._past[1][0] < now_s - WINDOW_S:
            self._past.popleft()
        started_s, before = self._past[0]
        self._past.append((now_s, sums))
        late = {stage: total - before.get(stage, 0.0) for stage, total in sums.items()}
        self._last_bottleneck = bottleneck_of(late, now_s - started_s)
        return self._last_bottleneck


def _feeding(seconds: Mapping[Stage, float]) -> list[float]:
    """Seconds that the feeding thread spent in each of its stages, in the order of `_FEEDING`."""
    return [seconds.get(stage, 0.0) for stage in _FEEDING]


def bottleneck_of(seconds: Mapping[Stage, float], wall_s: float) -> Bottleneck | None:
    """Where the feeding thread was for longest: "decode", "feed" or "compute".

    Args:
        seconds: of each stage.
        wall_s: how long the run took.

    Returns:
        The bottleneck; None where the thread did something else for longer still, such as waiting
        for the taker of the embeddings.
    """
    shares: dict[Bottleneck, float] = {}
    for stage, bottleneck in _FEEDING.items():
        shares[bottleneck] = shares.get(bottleneck, 0.0) + seconds.get(stage, 0.0)
    longest = max(shares, key=lambda bottleneck: shares[bottleneck])
    rest_s = wall_s - sum(shares.values())
    return longest if shares[longest] > max(rest_s, 0.0) else None
