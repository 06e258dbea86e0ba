# SPDX-License-Identifier: Apache-2.0
"""Sessions, lanes and tickets: what a user holds of an opened model, whatever the backend below.

A backend gives `Model`: what the file says of itself, and lanes that run one batch at a time. This
file shares the lanes out between callers. It must not know any backend's library.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from .errors import InvalidInputError
from .flight import Flight
from .spec import Contract
from .types import AnyArray, F32Array


class BackendLane(Protocol):
    """One stream of a backend with its own input buffer; at most one batch in flight."""

    input: AnyArray

    def submit(self, count: int) -> Future[F32Array]:
        """Starts the first `count` pictures of the input; the future's array is the caller's."""

    def close(self) -> None:
        """Waits for the batch in flight, then frees the stream."""


class Model(Protocol):
    """An opened model file: what it says of itself, and its lanes."""

    backend: str
    path: Path
    contract: Contract | None
    input_shape: tuple[int, ...]
    input_dtype: np.dtype[Any]
    embedding_width: int
    batch_size: int
    batch_sizes: tuple[int, ...]

    def open_lane(self) -> BackendLane:
        """A new lane of this model."""


class _Slot:
    """A backend's lane and who has it. `turn` counts the callers that have had it."""

    def __init__(self, lane: BackendLane) -> None:
        self.lane = lane
        self.turn = 0
        self.free = True


class Ticket:
    """A batch in flight. Any thread may ask; the result is kept, so it may be taken again."""

    def __init__(self, lane: Lane, future: Future[F32Array]) -> None:
        self._lane = lane
        self._future = future

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
        try:
            embeddings = self._future.result(timeout_s)
        except FutureTimeoutError:
            if self._future.done():
                raise
            raise TimeoutError(f"the batch is not done after {timeout_s} s") from None
        finally:
            if self._future.done():
                self._lane._batch_taken(self)
        return embeddings


class Lane:
    """One caller's turn on a lane; belongs to one thread at a time.

    It is yours until its batch's result is taken, or, in a `with` block, until the block ends.
    After that it may be used again as long as nobody else has acquired it.

    Attributes:
        input: writable view of the lane's own input buffer, [batch_size, ...]; nothing copies it.
    """

    def __init__(self, session: Session, slot: _Slot) -> None:
        self._session = session
        self._slot = slot
        self._turn = slot.turn
        self._ticket: Ticket | None = None
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
        size = self._session.batch_size
        if not 1 <= count <= size:
            raise InvalidInputError(f"count is {count}, expected 1 to the batch size {size}")
        self._require_mine()
        if self._ticket is not None:
            raise InvalidInputError("the lane has a batch in flight; take its result first")
        future = self._slot.lane.submit(count)
        self._ticket = Ticket(self, future)
        future.add_done_callback(self._session._wake)
        return self._ticket

    def release(self) -> None:
        """Gives the lane back; waits for a batch in flight. May be called again without effect."""
        if self._ticket is not None:
            self._ticket._future.exception()
            self._ticket = None
        self._session._give_back(self._slot, self._turn)

    def __enter__(self) -> Lane:
        self._in_block = True
        return self

    def __exit__(self, *_: object) -> None:
        self._in_block = False
        self.release()

    def __del__(self) -> None:
        self._abandon()

    def _abandon(self) -> None:
        """Gives the lane back now, or when its batch ends; never waits."""
        session, slot, turn = self._session, self._slot, self._turn
        if self._ticket is None:
            session._give_back(slot, turn)
        else:
            self._ticket._future.add_done_callback(lambda _: session._give_back(slot, turn))

    def _require_mine(self) -> None:
        if not self._session._take(self._slot, self._turn):
            raise InvalidInputError(
                "the lane went back to its session and another caller has it now; "
                "acquire a lane again, or keep one in a `with session.acquire() as lane:` block"
            )

    def _batch_taken(self, ticket: Ticket) -> None:
        if self._ticket is ticket:
            self._ticket = None
            if not self._in_block:
                self._session._give_back(self._slot, self._turn)


class Session:
    """An opened model and its lanes. Any thread may call it; a context manager.

    Attributes:
        backend: "onnxruntime".
        model_path: the file.
        contract: how pictures become its input; None where the file does not say.
        input_shape: of one picture, without the batch axis.
        input_dtype: of the input.
        embedding_width: of one embedding.
        batch_size: pictures per batch at most.
        batch_sizes: the batch sizes that run without padding, ascending.
        lanes: batches that can be in flight at once.
    """

    def __init__(self, model: Model, lanes: int) -> None:
        self.backend = model.backend
        self.model_path = model.path
        self.contract = model.contract
        self.input_shape = model.input_shape
        self.input_dtype = model.input_dtype
        self.embedding_width = model.embedding_width
        self.batch_size = model.batch_size
        self.batch_sizes = model.batch_sizes
        self.lanes = lanes
        self._changed = threading.Condition()
        self._slots = [_Slot(model.open_lane()) for _ in range(lanes)]
        self._closed = False

    def acquire(self, timeout_s: float | None = None) -> Lane:
        """A free lane; waits for one.

        Args:
            timeout_s: seconds to wait at most; None waits until one is free or Ctrl-C.

        Returns:
            The lane, yours alone.

        Raises:
            TimeoutError: none became free in time.
            InvalidInputError: the session is closed.
        """
        until = None if timeout_s is None else time.monotonic() + timeout_s
        with self._changed:
            while True:
                lane = self._try_acquire()
                if lane is not None:
                    return lane
                rest = None if until is None else until - time.monotonic()
                if rest is not None and rest <= 0:
                    raise TimeoutError(f"none of {self.lanes} lanes became free in {timeout_s} s")
                self._changed.wait(rest)

    def run(self, images: AnyArray) -> F32Array:
        """The model's embeddings of any number of prepared pictures, in their order.

        Batches are split and padded as the model needs; every lane helps.

        Args:
            images: [N, ...] of the session's input shape and dtype; N from 0 up.

        Returns:
            float32 [N, width], as the model gives them (not normalised unless the model does it).

        Raises:
            InvalidInputError: other dtype or shape, or a value that is not finite.
            DeviceError: a batch failed.
        """
        self._check_images(images)
        embeddings = np.empty((len(images), self.embedding_width), np.float32)
        flight: Flight[slice] = Flight(self)
        try:
            done = 0
            while done < len(images):
                lane = flight.acquire()
                rows = slice(done, done + self.next_count(len(images) - done))
                self._fill(lane, images, rows)
                flight.submit(lane, rows.stop - rows.start, rows)
                done = rows.stop
                for where, part in flight.finished():
                    embeddings[where] = part
            for where, part in flight.drain():
                embeddings[where] = part
        finally:
            flight.abandon()
        return embeddings

    def next_count(self, remaining: int) -> int:
        """How many of the remaining pictures the next batch should hold.

        Full batches first; towards the end ever smaller ones, where the model takes any size, so
        that all lanes end together (guided self-scheduling, Polychronopoulos and Kuck 1987).

        Args:
            remaining: at least 1.

        Returns:
            1 to the batch size.
        """
        if len(self.batch_sizes) == 1:
            return min(remaining, self.batch_size)
        return min(self.batch_size, -(-remaining // self.lanes))

    def close(self) -> None:
        """Waits for the batches in flight and frees the lanes. May be called again."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for slot in self._slots:
            slot.lane.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_images(self, images: AnyArray) -> None:
        expected = f"{self.input_dtype} (N, {', '.join(map(str, self.input_shape))})"
        if not isinstance(images, np.ndarray):
            raise InvalidInputError(f"images is a {type(images).__name__}, expected {expected}")
        if images.dtype != self.input_dtype or images.shape[1:] != self.input_shape:
            raise InvalidInputError(f"images is {images.dtype} {images.shape}, expected {expected}")

    def _fill(self, lane: Lane, images: AnyArray, rows: slice) -> None:
        target = lane.input[: rows.stop - rows.start]
        np.copyto(target, images[rows])
        if target.dtype.kind == "f" and not np.isfinite(target).all():
            bad = rows.start + int(np.argmin(np.isfinite(target.reshape(len(target), -1)).all(1)))
            raise InvalidInputError(f"images[{bad}] holds NaN or infinity, expected finite values")

    def _try_acquire(self) -> Lane | None:
        """A free lane or None. The caller holds the lock."""
        if self._closed:
            raise InvalidInputError(f"the session of {self.model_path} is closed")
        for slot in self._slots:
            if slot.free:
                slot.free = False
                slot.turn += 1
                return Lane(self, slot)
        return None

    def _take(self, slot: _Slot, turn: int) -> bool:
        """Takes the slot (again) for the caller whose turn it was last; False if another has it."""
        with self._changed:
            if slot.turn != turn:
                return False
            if self._closed:
                raise InvalidInputError(f"the session of {self.model_path} is closed")
            slot.free = False
            return True

    def _give_back(self, slot: _Slot, turn: int) -> None:
        with self._changed:
            if slot.turn == turn:
                slot.free = True
                self._changed.notify_all()

    def _has_free(self) -> bool:
        return self._closed or any(slot.free for slot in self._slots)

    def _wake(self, _: object) -> None:
        with self._changed:
            self._changed.notify_all()
