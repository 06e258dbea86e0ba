# SPDX-License-Identifier: Apache-2.0
"""One caller's turn on a lane, the ticket of the batch that it sends, and a flight of tickets.

Below, a backend's lane runs one batch at a time; the pool shares the lanes out. Must not know any
backend's library.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Generic, TypeVar

from mgn_fast.common.checks import whole_number
from mgn_fast.common.observer import Span
from mgn_fast.errors import InvalidInputError
from mgn_fast.inference.backend import BackendBatch
from mgn_fast.inference.pool import Pool, Slot, check_timeout
from mgn_fast.types import AnyArray, F32Array

Tag = TypeVar("Tag")


class Ticket:
    """A batch in flight. Any thread may ask; the result is kept, so it may be taken again."""

    def __init__(self, batch: BackendBatch, lane: Lane | None, slot: Slot) -> None:
        self._batch = batch
        self._lane = lane
        self._slot = slot

    def done(self) -> bool:
        """True once the batch has ended, well or not: `result` then returns (or raises) at once.

        Returns:
            False while the batch runs.
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
        """Where the finished batch spent its time on the device, for observers.

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
    After that it may be used again until another caller acquires it. Views of its input stay
    valid, but write into what others send from then on.

    Attributes:
        input: writable view of the lane's own input buffer, [batch_size, ...]; nothing copies it.
    """

    def __init__(self, pool: Pool, slot: Slot, turn: int) -> None:
        self._pool = pool
        self._slot = slot
        self._turn = turn
        # The batch, not the ticket: a ticket holds its lane, and a ring of the two would keep a
        # dropped lane from coming back.
        self._batch: BackendBatch | None = None
        self._in_block = False

    @classmethod
    def acquire(cls, pool: Pool, timeout_s: float | None = None) -> Lane:
        """A free lane of the pool, the caller's alone; waits for one as `Session.acquire` does.

        Args:
            pool: of the session.
            timeout_s: seconds to wait at most; None waits until one is free or Ctrl-C.

        Returns:
            The lane, the caller's alone.
        """
        return pool.acquire(functools.partial(cls, pool), timeout_s)

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
        self._turn = -1  # no caller's: it cannot be taken again
        return Ticket(batch, None, self._slot)

    def release(self) -> None:
        """Gives the lane back; the next caller gets it once its batch has ended."""
        self._batch = None
        self._pool.give_back(self._slot, self._turn)

    def __enter__(self) -> Lane:
        self._in_block = True
        return self

    def __exit__(self, *_: object) -> None:
        self._in_block = False
        self.release()

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError):  # interrupted while it was made
            self._pool.give_back(self._slot, self._turn)

    def _start(self, count: int) -> BackendBatch:
        count = whole_number("count", count, 1, self._pool.batch_size)
        self._require_mine()
        if self._batch is not None:
            raise InvalidInputError("the lane has a batch in flight; take its result first")
        batch = self._slot.lane.submit(count)
        self._pool.note_submitted(self._slot, batch)
        return batch

    def _require_mine(self) -> None:
        if not self._pool.take(self._slot, self._turn):
            raise InvalidInputError(
                "the lane went back to its session and another caller has it now; "
                "acquire a lane again, or keep one in a `with session.acquire() as lane:` block"
            )

    def _batch_taken(self, batch: BackendBatch) -> None:
        if self._batch is batch:
            self._batch = None
            if not self._in_block:
                self._pool.give_back(self._slot, self._turn)


class Flight(Generic[Tag]):
    """One caller's batches under way, each with a tag that says where its rows belong.

    A batch's lane goes back to the pool with the batch, not when its result is taken. So a caller
    that pauses, as a generator does between two items, keeps no lane from others, and two callers
    cannot wait for each other. Belongs to one thread.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._under_way: list[tuple[Tag, Ticket]] = []

    @contextlib.contextmanager
    def lane(self) -> Iterator[Lane]:
        """A free lane to fill and submit; it goes back at once if the block does not submit it."""
        with self._pool.observer.spending("lane_wait"):
            lane = Lane.acquire(self._pool)
        try:
            yield lane
        finally:
            lane.release()

    def submit(self, lane: Lane, count: int, tag: Tag) -> None:
        """Starts the first `count` pictures of the lane's input."""
        self._under_way.append((tag, lane.submit_and_leave(count)))

    def finished(self) -> Iterator[tuple[Tag, F32Array]]:
        """The results that are there by now, each once; a failed batch raises its error."""
        ended = [entry for entry in self._under_way if entry[1].done()]
        for entry in ended:
            self._under_way.remove(entry)
            yield entry[0], self._result(entry[1])

    def drain(self) -> Iterator[tuple[Tag, F32Array]]:
        """All results that are still to come, oldest first; waits for each."""
        while self._under_way:
            tag, ticket = self._under_way.pop(0)
            with self._pool.observer.spending("result_wait"):
                embeddings = self._result(ticket)
            yield tag, embeddings

    def _result(self, ticket: Ticket) -> F32Array:
        embeddings = ticket.result()
        for span in ticket.spans():
            self._pool.observer.spent(span)
        return embeddings
