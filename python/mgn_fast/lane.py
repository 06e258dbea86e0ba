# SPDX-License-Identifier: Apache-2.0
"""One caller's turn on a lane, and the ticket of the batch that it sends.

Below, a backend's lane runs one batch at a time; the session shares the lanes out. Must not know
any backend's library.
"""

from __future__ import annotations

from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TYPE_CHECKING, Protocol

import numpy as np

from .errors import InvalidInputError
from .types import AnyArray, F32Array

if TYPE_CHECKING:
    from .session import Session


class BackendLane(Protocol):
    """One stream of a backend with its own input buffer; at most one batch in flight."""

    input: AnyArray

    def submit(self, count: int) -> Future[F32Array]:
        """Starts the first `count` pictures of the input; the future's array is the caller's."""

    def close(self) -> None:
        """Waits for the batch in flight, then frees the stream."""


class Slot:
    """A backend's lane and who has it. `turn` counts the callers that have had it."""

    def __init__(self, lane: BackendLane) -> None:
        self.lane = lane
        self.turn = 0
        self.free = True


class Ticket:
    """A batch in flight. Any thread may ask; the result is kept, so it may be taken again."""

    def __init__(self, future: Future[F32Array], lane: Lane | None) -> None:
        self._future = future
        self._lane = lane

    def done(self) -> bool:
        """Whether `result` would return (or raise) at once.

        Returns:
            True once the batch has ended, well or not.
        """
        return self._future.done()

    def result(self, timeout_s: float | None = None) -> F32Array:
        """The batch's embeddings as the model gives them; the lane goes back to its session.

        Args:
            timeout_s: seconds to wait at most; None waits until the batch ends or Ctrl-C.

        Returns:
            float32 [count, width].

        Raises:
            TimeoutError: not done in time; the batch goes on and may be asked for again.
            DeviceError: the batch failed.
        """
        check_timeout(timeout_s)
        try:
            embeddings = self._future.result(timeout_s)
        except FutureTimeoutError:
            if self._future.done():
                raise
            raise TimeoutError(f"the batch is not done after {timeout_s} s") from None
        finally:
            if self._future.done() and self._lane is not None:
                self._lane._batch_taken(self._future)
        return embeddings


class Lane:
    """One caller's turn on a lane; belongs to one thread at a time.

    It is yours until its batch's result is taken, or, in a `with` block, until the block ends.
    After that it may be used again as long as nobody else has acquired it. Views of its input stay
    valid, but write into what others send from then on.

    Attributes:
        input: writable view of the lane's own input buffer, [batch_size, ...]; nothing copies it.
    """

    def __init__(self, session: Session, slot: Slot) -> None:
        self._session = session
        self._slot = slot
        self._turn = slot.turn
        # The future, not the ticket: a ticket holds its lane, and a ring of the two would keep a
        # dropped lane from coming back.
        self._future: Future[F32Array] | None = None
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
        self._future = self._start(count)
        return Ticket(self._future, self)

    def submit_and_leave(self, count: int) -> Ticket:
        """As `submit`, but the lane goes back to its session as soon as the batch ends.

        For callers that may not come back for the result: they never keep a lane from others.

        Args:
            count: 1 to the session's batch size.

        Returns:
            The ticket to wait on.

        Raises:
            InvalidInputError: as for `submit`.
        """
        session, slot, turn = self._session, self._slot, self._turn
        future = self._start(count)
        # By turn: whoever has the lane after this one does not lose it.
        future.add_done_callback(lambda _: session.give_back(slot, turn))
        self._turn = -1
        return Ticket(future, None)

    def release(self) -> None:
        """Gives the lane back; waits for a batch in flight. May be called again without effect."""
        if self._future is not None:
            self._future.exception()
            self._future = None
        self._session.give_back(self._slot, self._turn)

    def __enter__(self) -> Lane:
        self._in_block = True
        return self

    def __exit__(self, *_: object) -> None:
        self._in_block = False
        self.release()

    def __del__(self) -> None:
        session, slot, turn = self._session, self._slot, self._turn
        if self._future is None:
            session.give_back(slot, turn)
        else:
            self._future.add_done_callback(lambda _: session.give_back(slot, turn))

    def _start(self, count: int) -> Future[F32Array]:
        size = self._session.batch_size
        if isinstance(count, bool) or not isinstance(count, (int, np.integer)):
            raise InvalidInputError(f"count is {count!r}, expected a whole number, 1 to {size}")
        if not 1 <= count <= size:
            raise InvalidInputError(f"count is {count}, expected 1 to the batch size {size}")
        self._require_mine()
        if self._future is not None:
            raise InvalidInputError("the lane has a batch in flight; take its result first")
        return self._slot.lane.submit(int(count))

    def _require_mine(self) -> None:
        if not self._session.take(self._slot, self._turn):
            raise InvalidInputError(
                "the lane went back to its session and another caller has it now; "
                "acquire a lane again, or keep one in a `with session.acquire() as lane:` block"
            )

    def _batch_taken(self, future: Future[F32Array]) -> None:
        if self._future is future:
            self._future = None
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
