# SPDX-License-Identifier: Apache-2.0
"""One caller's turn on a lane, and the ticket of the batch that it sends.

Below, a backend's lane runs one batch at a time; the session shares the lanes out. Must not know
any backend's library.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from concurrent import futures
from typing import TYPE_CHECKING, Protocol

import numpy as np

from .errors import InvalidInputError
from .observer import Span, Stage
from .types import AnyArray, F32Array

if TYPE_CHECKING:
    from .session import Session

# A stage with its start and end, in seconds of `time.perf_counter`.
StageTime = tuple[Stage, float, float]


class BackendBatch(Protocol):
    """A batch that a backend runs. Any thread may ask; what it gives stays."""

    def done(self) -> bool:
        """Whether it has ended, well or not."""

    def wait(self, limit_s: float | None) -> bool:
        """Waits so long for the end (None: until the end or Ctrl-C); whether it has ended."""

    def embeddings(self) -> F32Array:
        """Of an ended batch; raises what it failed with. The array is the caller's."""

    def stage_times(self) -> Sequence[StageTime]:
        """Where an ended batch spent its time, as far as the backend was asked to note it."""


class BackendLane(Protocol):
    """One stream of a backend with its own input buffer; at most one batch in flight."""

    @property
    def input(self) -> AnyArray:
        """Writable [batch_size, ...]: what the backend reads."""

    def submit(self, count: int) -> BackendBatch:
        """Starts the first `count` pictures of the input."""

    def idle(self) -> bool:
        """Whether nothing runs, so that the input may be written again. Does not wait."""

    def close(self) -> None:
        """The end of its use. The model's own `close` follows."""


class FutureBatch:
    """A batch that a thread of Python runs (`BackendBatch`)."""

    def __init__(
        self, thread: futures.Executor, run: Callable[[int], F32Array], count: int
    ) -> None:
        self._stage_times: list[StageTime] = []
        self._future = thread.submit(self._run, run, count)

    def done(self) -> bool:
        """Whether the thread is through with it."""
        return self._future.done()

    def wait(self, limit_s: float | None) -> bool:
        """Waits so long for the thread; whether it is through."""
        futures.wait([self._future], limit_s)
        return self._future.done()

    def embeddings(self) -> F32Array:
        """What the thread returned or raised."""
        return self._future.result()

    def stage_times(self) -> Sequence[StageTime]:
        """Of computing."""
        return self._stage_times

    def _run(self, run: Callable[[int], F32Array], count: int) -> F32Array:
        started_s = time.perf_counter()
        embeddings = run(count)
        self._stage_times.append(("compute", started_s, time.perf_counter()))
        return embeddings


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


class Ticket:
    """A batch in flight. Any thread may ask; the result is kept, so it may be taken again."""

    def __init__(self, batch: BackendBatch, lane: Lane | None, slot: Slot) -> None:
        self._batch = batch
        self._lane = lane
        self._slot = slot

    def done(self) -> bool:
        """Whether `result` would return (or raise) at once.

        Returns:
            True once the batch has ended, well or not.
        """
        return self._batch.done()

    def result(self, timeout_s: float | None = None) -> F32Array:
        """The batch's embeddings as the model gives them; the lane goes back to its session.

        Args:
            timeout_s: seconds to wait at most; None waits until the batch ends or Ctrl-C.

        Returns:
            float32 [count, width].

        Raises:
            TimeoutError: not done in time; the batch goes on and may be asked for again. Its lane
                is not used for anything else until the device is through with it.
            DeviceError: the batch failed.
        """
        check_timeout(timeout_s)
        if not self._batch.wait(timeout_s):
            raise TimeoutError(f"the batch is not done after {timeout_s} s")
        if self._lane is not None:
            self._lane._batch_taken(self._batch)
        return self._batch.embeddings()

    def spans(self) -> list[Span]:
        """Where the batch spent its time on the device; for observers, once it is done.

        Returns:
            One per stage. An NPU's are there only if the session was opened with an observer.
        """
        track, engine = f"lane {self._slot.number}", self._slot.engine
        return [
            Span(stage, started_s, ended_s, track, engine)
            for stage, started_s, ended_s in self._batch.stage_times()
        ]


class Lane:
    """One caller's turn on a lane; belongs to one thread at a time.

    It is yours until its batch's result is taken, or, in a `with` block, until the block ends.
    After that it may be used again as long as nobody else has acquired it. Views of its input stay
    valid, but write into what others send from then on.

    Attributes:
        input: writable view of the lane's own input buffer, [batch_size, ...]; nothing copies it.
    """

    def __init__(self, session: Session, slot: Slot, turn: int) -> None:
        self._session = session
        self._slot = slot
        self._turn = turn
        # The batch, not the ticket: a ticket holds its lane, and a ring of the two would keep a
        # dropped lane from coming back.
        self._batch: BackendBatch | None = None
        self._in_block = False

    @property
    def input(self) -> AnyArray:
        """The buffer the model reads: fill the first `count` entries, then `submit(count)`."""
        self._require_mine()
        return self._slot.lane.input

    def submit(self, count: int) -> Ticket:
        """Starts the first `count` pictures of the input; returns at once.

        Args:
            count: 1 to the session's batch size.

        Returns:
            The ticket to wait on. Leave the input alone until it is done.

        Raises:
            InvalidInputError: `count` is out of range, a batch is in flight, or another caller has
                the lane by now.
        """
        self._batch = self._start(count)
        return Ticket(self._batch, self, self._slot)

    def submit_and_leave(self, count: int) -> Ticket:
        """As `submit`, but the lane goes back to its session at once.

        For callers that may not come back for the result: they never keep a lane from others.

        Args:
            count: 1 to the session's batch size.

        Returns:
            The ticket to wait on.

        Raises:
            InvalidInputError: as for `submit`.
        """
        batch = self._start(count)
        self.release()
        self._turn = -1  # nobody's: it cannot be taken again
        return Ticket(batch, None, self._slot)

    def release(self) -> None:
        """Gives the lane back; the next caller gets it once its batch has ended."""
        self._batch = None
        self._session.give_back(self._slot, self._turn)

    def __enter__(self) -> Lane:
        self._in_block = True
        return self

    def __exit__(self, *_: object) -> None:
        self._in_block = False
        self.release()

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError):  # interrupted while it was made
            self._session.give_back(self._slot, self._turn)

    def _start(self, count: int) -> BackendBatch:
        size = self._session.batch_size
        if isinstance(count, bool) or not isinstance(count, (int, np.integer)):
            raise InvalidInputError(f"count is {count!r}, expected a whole number, 1 to {size}")
        if not 1 <= count <= size:
            raise InvalidInputError(f"count is {count}, expected 1 to the batch size {size}")
        self._require_mine()
        if self._batch is not None:
            raise InvalidInputError("the lane has a batch in flight; take its result first")
        batch = self._slot.lane.submit(int(count))
        self._session.note_submitted(self._slot, batch)
        return batch

    def _require_mine(self) -> None:
        if not self._session.take(self._slot, self._turn):
            raise InvalidInputError(
                "the lane went back to its session and another caller has it now; "
                "acquire a lane again, or keep one in a `with session.acquire() as lane:` block"
            )

    def _batch_taken(self, batch: BackendBatch) -> None:
        if self._batch is batch:
            self._batch = None
            if not self._in_block:
                self._session.give_back(self._slot, self._turn)


def check_timeout(timeout_s: float | None) -> None:
    """Refuses what is no time to wait.

    Args:
        timeout_s: seconds from 0 up, or None for no limit.

    Raises:
        InvalidInputError: anything else.
    """
    if timeout_s is None:
        return
    if not isinstance(timeout_s, (int, float)) or not timeout_s >= 0:
        raise InvalidInputError(f"timeout_s is {timeout_s!r}, expected seconds from 0 up, or None")
