# SPDX-License-Identifier: Apache-2.0
"""The lanes of a session shared out between callers: acquired, given back, never held by two.

The one place that knows who has which lane. Any thread may call it. Must not know any backend's
library, nor what callers do with a lane.
"""

from __future__ import annotations

import contextlib
import math
import os
import threading
import time
from collections.abc import Callable
from operator import attrgetter
from typing import TypeVar

from mgn_fast.common.observer import Observer
from mgn_fast.errors import DeviceError, InvalidInputError
from mgn_fast.inference.backend import BackendBatch, BackendLane, Model

# How long a thread that waits for a lane waits for one of several things that may free one.
_POLL_S = 0.005
_LONG_POLL_S = 0.05
# And while all are with callers, one of whom may have found that its device is lost.
_ALIVE_POLL_S = 1.0
Holder = TypeVar("Holder")


class Slot:
    """A backend's lane, who has it, and the batch it ran last.

    Attributes:
        number: of the lane in its session, from 0.
        engine: which of the session's engines runs it.
        turn: counts the callers that have had it.
        free: no caller has it. It may still run the last one's batch.
        batch: submitted last; None before the first.
        submitted: when, in the order of the session's submissions.
    """

    def __init__(self, lane: BackendLane, number: int = 0, engine: int = 0) -> None:
        self.lane = lane
        self.number = number
        self.engine = engine
        self.turn = 0
        self.free = True
        self.batch: BackendBatch | None = None
        self.submitted = 0


class Pool:
    """Slots of one opened model, and which caller's turn each is.

    Attributes:
        batch_size: pictures per batch at most.
        observer: receives the time of every step.
    """

    def __init__(self, model: Model, lanes: int, observer: Observer) -> None:
        self.batch_size = model.batch_size
        self.observer = observer
        self._model = model
        self._changed = threading.Condition()
        self._submitted = 0
        self._closed = False
        self._process = os.getpid()
        try:
            self._slots = [
                Slot(model.open_lane(), number, number % model.num_engines)
                for number in range(lanes)
            ]
        except BaseException:
            model.close()
            raise

    def acquire(
        self, hold: Callable[[Slot, int], Holder], timeout_s: float | None = None
    ) -> Holder:
        """Takes a free slot for a new turn, or waits for one; gives what `hold` makes of it.

        Args:
            hold: makes of the slot and its turn what will give it back. It is called before the
                slot is taken, so that whatever interrupts the caller gives the slot back.
            timeout_s: seconds to wait at most; None waits until one is free or Ctrl-C.

        Returns:
            What `hold` made.

        Raises:
            TimeoutError: none became free in time.
            DeviceError: no lane will ever run a batch again, whoever has it.
            InvalidInputError: the session is closed, or another process's.
        """
        check_timeout(timeout_s)
        self.require_own_process()
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            with self._changed:
                holder = self._try_acquire(hold)
                if holder is not None:
                    return holder
                rest = None if until is None else until - time.monotonic()
                if rest is not None and rest <= 0:
                    number = len(self._slots)
                    raise TimeoutError(f"none of {number} lanes became free in {timeout_s} s")
                running = self._oldest_left_running()
                # Others may give one back. Without them streams end in order, near enough.
                held = any(not slot.free for slot in self._slots)
                poll_s = min(_POLL_S if held else _LONG_POLL_S, math.inf if rest is None else rest)
                if running is None:
                    # A lane that is free but in use sends no signal when it is through.
                    in_use = any(slot.free for slot in self._slots)
                    alive_s = _ALIVE_POLL_S if rest is None else min(rest, _ALIVE_POLL_S)
                    self._changed.wait(poll_s if in_use else alive_s)
                    continue
            if running.done():  # but its stream is not known to be through
                time.sleep(min(poll_s, _POLL_S) / 10)
            else:
                running.wait(poll_s)

    def note_submitted(self, slot: Slot, batch: BackendBatch) -> None:
        """Remembers the batch that a slot's lane runs, for callers that wait for a lane."""
        with self._changed:
            self._submitted += 1
            slot.batch, slot.submitted = batch, self._submitted

    def take(self, slot: Slot, turn: int) -> bool:
        """Takes the slot again for the turn it was on; False if another caller has had it since.

        Args:
            slot: of the lane.
            turn: the caller's.

        Returns:
            True if it is taken.

        Raises:
            InvalidInputError: the session is closed, or another process's.
        """
        self.require_own_process()
        with self._changed:
            if slot.turn != turn:
                return False
            self.require_open()
            slot.free = False
            return True

    def give_back(self, slot: Slot, turn: int) -> None:
        """Frees the slot if it is still this turn's; from any thread."""
        if os.getpid() != self._process:
            return
        with self._changed:
            if slot.turn == turn:
                slot.free = True
                self._changed.notify_all()

    def require_open(self) -> None:
        """Raises InvalidInputError if the session is closed."""
        if self._closed:
            raise InvalidInputError(f"the session of {self._model.path} is closed")

    def require_own_process(self) -> None:
        """Raises InvalidInputError in a forked child, which has copies of locks but no threads."""
        if os.getpid() != self._process:
            raise InvalidInputError(
                f"the session of {self._model.path} was opened by process {self._process} and this "
                f"is its child {os.getpid()}; open a session here, or start processes by 'spawn'"
            )

    def close(self) -> None:
        """Waits for the batches in flight and frees lanes and model. May be called again.

        Raises:
            DeviceError: something could not be freed, or a batch did not end; all else is freed.
        """
        if os.getpid() != self._process:
            return  # the parent's to close
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        with contextlib.ExitStack() as stack:
            stack.callback(self._model.close)
            for slot in self._slots:
                stack.callback(slot.lane.close)

    def _try_acquire(self, hold: Callable[[Slot, int], Holder]) -> Holder | None:
        """A free slot's holder, or None. The caller holds the lock."""
        self.require_open()
        failures = []
        for slot in self._slots:
            is_idle = slot.free and slot.lane.idle()  # asking may find that the lane is dead
            try:
                slot.lane.require_alive()
            except DeviceError as error:
                failures.append(error)
                continue
            if is_idle:
                holder = hold(slot, slot.turn + 1)
                slot.turn += 1
                slot.free = False
                return holder
        if len(failures) == len(self._slots):
            raise failures[0]
        return None

    def _oldest_left_running(self) -> BackendBatch | None:
        """The batch that frees a lane next, as streams keep order. The caller holds the lock."""
        left = [slot for slot in self._slots if slot.free and slot.batch is not None]
        return min(left, key=attrgetter("submitted")).batch if left else None


def check_timeout(timeout_s: float | None) -> None:
    """Raises InvalidInputError unless `timeout_s` is None or seconds from 0 up."""
    if timeout_s is None:
        return
    if not isinstance(timeout_s, (int, float)) or not timeout_s >= 0:
        raise InvalidInputError(f"timeout_s is {timeout_s!r}, expected seconds from 0 up, or None")
