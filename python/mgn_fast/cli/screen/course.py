# SPDX-License-Identifier: Apache-2.0
"""How far a command is: its steps, what stays if it ends now, and where the time went.

Is written by the thread that runs the command; the one that draws only reads.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

from mgn_fast.common.bottleneck import NOUNS, StageTally

# Of so long the rate is told. Blocks of re-ranking and batches of a large model take seconds.
_RATE_WINDOW_S = 30.0
# Notes of how far a step was are kept no oftener.
_NOTE_S = 0.5


@dataclass
class Step:
    """One thing that takes a while.

    Attributes:
        title: what is done.
        total: how much there is; None if not known, 0 if it is not counted at all.
        unit: of what is counted; "" for a share, which is told in percent.
        done: how much of it.
        started_s: when, by `time.perf_counter`.
        ended_s: when it was over; None while it is under way.
    """

    title: str
    total: int | None
    unit: str = ""
    done: int = 0
    started_s: float = field(default_factory=lambda: time.perf_counter())
    ended_s: float | None = None
    _notes: deque[tuple[float, int]] = field(default_factory=deque, repr=False)

    def __post_init__(self) -> None:
        self._notes.append((self.started_s, 0))

    def reach(self, done: int) -> None:
        """Takes note of how far it is."""
        self.done = done
        now_s = time.perf_counter()
        while len(self._notes) > 2 and self._notes[1][0] < now_s - _RATE_WINDOW_S:
            self._notes.popleft()
        # The last note moves on until it is worth keeping: pictures come in batches, and a batch
        # has to be counted whole.
        if len(self._notes) > 1 and self._notes[-1][0] - self._notes[-2][0] < _NOTE_S:
            self._notes.pop()
        self._notes.append((now_s, done))

    def finish(self) -> None:
        """It is over, and all was well."""
        self.ended_s = time.perf_counter()

    @property
    def seconds(self) -> float:
        """That it has taken so far, or took.

        Returns:
            From 0 up.
        """
        return (time.perf_counter() if self.ended_s is None else self.ended_s) - self.started_s

    @property
    def rate(self) -> float | None:
        """How much of it is done per second, of late; None while that is not known.

        Returns:
            Above 0.
        """
        (first_s, first), (last_s, last) = self._notes[0], self._notes[-1]
        return (last - first) / (last_s - first_s) if last > first else None

    @property
    def left_s(self) -> float | None:
        """How long it will take from here, if it goes on so; None while that is not known.

        Returns:
            From 0 up.
        """
        rate = self.rate
        if rate is None or not self.total:
            return None
        # What is drawn between two notes counts down all the same.
        since_s = time.perf_counter() - self._notes[-1][0]
        return max(0.0, (self.total - self._notes[-1][1]) / rate - since_s)

    def amount(self) -> str:
        """How much of it is done, in words.

        Returns:
            Such as "300/1,000", "45%" or "" for what is not counted.
        """
        if self.total == 0:
            return ""
        if self.total is None:
            return f"{self.done:,}"
        return f"{self.done:,}/{self.total:,}" if self.unit else f"{self.done / self.total:.0%}"

    def where(self) -> str:
        """The same for a sentence.

        Returns:
            Such as "embedding: 300 of 1,000 pictures", "ranking: 45%" or "exporting".
        """
        if self.total == 0:
            return self.title
        if self.unit:
            of = "" if self.total is None else f" of {self.total:,}"
            return f"{self.title}: {self.done:,}{of} {self.unit}"
        return f"{self.title}: {self.amount()}"

    def state(self, bottleneck: str = "") -> str:
        """What stands beside the bar.

        Args:
            bottleneck: what the step is bound by, or "".

        Returns:
            The amount, the rate, the time that is left or was taken, and the bound.
        """
        rate, left_s = self.rate, None if self.ended_s else self.left_s
        parts = [self.amount()]
        if rate is not None and self.total != 0:
            parts.append(per_second(rate))
        parts.append(clock(self.seconds) if left_s is None else f"{clock(left_s)} left")
        if bottleneck:
            parts.append(f"bound by {bottleneck}")
        return "  ".join(filter(None, parts))


class Course:
    """The steps of a command and what it has to say of them.

    Attributes:
        tally: where the time of embedding went.
        steps: all that were begun, in that order.
        kept: what stays if the command is interrupted; "" if nothing was said of it.
        interrupted: it ends in order, which may take as long as the batches under way.
    """

    def __init__(self, tally: StageTally | None = None) -> None:
        self.tally = StageTally() if tally is None else tally
        self.steps: list[Step] = []
        self.kept = ""
        self.interrupted = False

    def begin(self, title: str, total: int | None, unit: str = "") -> Step:
        """A new step; what bounded the ones before is forgotten."""
        self.tally.restart()
        self.steps.append(Step(title, total, unit))
        return self.steps[-1]

    def under_way(self) -> Step | None:
        """The newest step that is not over; None if there is none."""
        return next((step for step in reversed(self.steps) if step.ended_s is None), None)

    def bottleneck(self) -> str:
        """What embedding has been bound by of late, as a noun; "" if that is not known."""
        bottleneck = self.tally.recent()
        return "" if bottleneck is None else NOUNS[bottleneck]


def per_second(rate: float) -> str:
    """A rate of anything, short.

    Args:
        rate: per second, above 0.

    Returns:
        Such as "18.9/s", "2.1M/s", or "12 s each" for what takes longer than a second.
    """
    if rate < 1:
        return f"{1 / rate:.1f} s each" if rate > 0.1 else f"{clock(1 / rate)} each"
    for limit, sign in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if rate >= limit:
            return f"{rate / (1e3 if sign == 'k' else limit):,.1f}{sign}/s"
    return f"{rate:,.1f}/s"


def clock(seconds: float) -> str:
    """A time as a clock shows it.

    Args:
        seconds: from 0 up.

    Returns:
        Such as "0:07" or "1:02:03".
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
