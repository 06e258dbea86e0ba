# SPDX-License-Identifier: Apache-2.0
"""How far a command is: its steps, what stays if it ends now, and where the time went.

Is written by the thread that runs the command; the one that draws only reads.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from mgn_fast.common.bottleneck import NOUNS, StageTally


@dataclass
class Step:
    """One part of a command that takes a while: its name, its total and how far it is.

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

    def finish(self) -> None:
        """Marks the step as over, with all of it done."""
        self.ended_s = time.perf_counter()

    @property
    def seconds(self) -> float:
        """The seconds that the step has taken so far, or took in all.

        Returns:
            From 0 up.
        """
        return (time.perf_counter() if self.ended_s is None else self.ended_s) - self.started_s

    def amount(self) -> str:
        """How much of the step is done, in words for a line of its own.

        Returns:
            Such as "300/1,000", "45%" or "" for what is not counted.
        """
        if self.total == 0:
            return ""
        if self.total is None:
            return f"{self.done:,}"
        return f"{self.done:,}/{self.total:,}" if self.unit else f"{self.done / self.total:.0%}"

    def where(self) -> str:
        """How much of the step is done, in words for a sentence.

        Returns:
            Such as "embedding: 300 of 1,000 pictures", "ranking: 45%" or "exporting".
        """
        if self.total == 0:
            return self.title
        if self.unit:
            of = "" if self.total is None else f" of {self.total:,}"
            return f"{self.title}: {self.done:,}{of} {self.unit}"
        return f"{self.title}: {self.amount()}"


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
