# SPDX-License-Identifier: Apache-2.0
"""The session: what a user holds of an opened model, whatever the backend below.

A backend gives `Model`: what the file says of itself, and lanes that run one batch at a time. This
file shares the lanes out between callers. It must not know any backend's library.
"""

from __future__ import annotations

import bisect
import contextlib
import math
import os
import threading
import time
from operator import attrgetter
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from .errors import InvalidInputError
from .flight import Flight
from .lane import BackendBatch, BackendLane, Lane, Slot, check_timeout
from .observer import NOBODY, Observer
from .spec import Contract
from .types import AnyArray, F32Array


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
    # What computes: the lanes are spread over the engines in turn.
    num_engines: int
    # That it takes on its devices; None on the CPU.
    device_bytes: int | None

    def open_lane(self) -> BackendLane:
        """A new lane of this model."""

    def close(self) -> None:
        """Waits for what still runs and frees what the model holds. May be called again."""


# How long a thread that waits for a lane looks at one of several things that may free one.
_LOOK_S = 0.005
_LONG_LOOK_S = 0.05


class Session:
    """An opened model and its lanes. Any thread may call it; a context manager.

    Attributes:
        backend: "onnxruntime", "openvino" or "ascend".
        model_path: the file.
        contract: how pictures become its input; None where the file does not say.
        input_shape: of one picture, without the batch axis.
        input_dtype: of the input.
        embedding_width: of one embedding.
        batch_size: pictures per batch at most.
        batch_sizes: the batch sizes that run without padding, ascending.
        lanes: batches that can be in flight at once.
        num_engines: what computes, and is shared by the lanes in turn.
        device_bytes: memory that it takes on its devices; None on the CPU.
        observer: is told what every step took.
    """

    def __init__(self, model: Model, lanes: int, observer: Observer = NOBODY) -> None:
        self.backend = model.backend
        self.model_path = model.path
        self.contract = model.contract
        self.input_shape = model.input_shape
        self.input_dtype = model.input_dtype
        self.embedding_width = model.embedding_width
        self.batch_size = model.batch_size
        self.batch_sizes = model.batch_sizes
        self.lanes = lanes
        self.num_engines = model.num_engines
        self.device_bytes = model.device_bytes
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
        check_timeout(timeout_s)
        self.require_own_process()
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            with self._changed:
                lane = self._try_acquire()
                if lane is not None:
                    return lane
                rest = None if until is None else until - time.monotonic()
                if rest is not None and rest <= 0:
                    raise TimeoutError(f"none of {self.lanes} lanes became free in {timeout_s} s")
                running = self._oldest_left_running()
                # Others may give one back. Without them streams end in order, near enough.
                held = any(not slot.free for slot in self._slots)
                look_s = min(_LOOK_S if held else _LONG_LOOK_S, math.inf if rest is None else rest)
                if running is None:
                    # A lane that is free but in use tells nobody when it is through.
                    in_use = any(slot.free for slot in self._slots)
                    self._changed.wait(look_s if in_use else rest)
                    continue
            if running.done():  # but its stream is not known to be through
                time.sleep(min(look_s, _LOOK_S) / 10)
            else:
                running.wait(look_s)

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
        done = 0
        while done < len(images):
            with flight.lane() as lane:
                rows = slice(done, done + self.next_count(len(images) - done))
                self._fill(lane, images, rows)
                flight.submit(lane, rows.stop - rows.start, rows)
            done = rows.stop
            for where, part in flight.finished():
                embeddings[where] = part
        for where, part in flight.drain():
            embeddings[where] = part
        return embeddings

    def next_count(self, remaining: int) -> int:
        """How many of the remaining pictures the next batch should hold.

        Full batches first; towards the end smaller ones, as far as the model runs them without
        padding, so that all lanes end together (guided self-scheduling, Polychronopoulos and Kuck
        1987).

        Args:
            remaining: at least 1.

        Returns:
            1 to the batch size.
        """
        share = min(self.batch_size, -(-remaining // self.lanes))
        return min(remaining, self.batch_sizes[bisect.bisect_left(self.batch_sizes, share)])

    def require_own_process(self) -> None:
        """Refuses to work in a child of fork, which has copies of the locks but not the threads.

        Raises:
            InvalidInputError: this is another process than the one that opened the session.
        """
        if os.getpid() != self._process:
            raise InvalidInputError(
                f"the session of {self.model_path} was opened by process {self._process} and this "
                f"is its child {os.getpid()}; open a session here, or start processes by 'spawn'"
            )

    def close(self) -> None:
        """Waits for the batches in flight and frees the lanes. May be called again.

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

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_images(self, images: AnyArray) -> None:
        if self._closed:
            raise InvalidInputError(f"the session of {self.model_path} is closed")
        expected = f"{self.input_dtype} (N, {', '.join(map(str, self.input_shape))})"
        if not isinstance(images, np.ndarray):
            raise InvalidInputError(f"images is a {type(images).__name__}, expected {expected}")
        if images.dtype != self.input_dtype or images.shape[1:] != self.input_shape:
            raise InvalidInputError(f"images is {images.dtype} {images.shape}, expected {expected}")

    def _fill(self, lane: Lane, images: AnyArray, rows: slice) -> None:
        target = lane.input[: rows.stop - rows.start]
        np.copyto(target, images[rows])
        if target.dtype.kind == "f":
            _require_finite(target, rows.start)

    def _try_acquire(self) -> Lane | None:
        """A free lane or None. The caller holds the lock."""
        if self._closed:
            raise InvalidInputError(f"the session of {self.model_path} is closed")
        for slot in self._slots:
            if slot.free and slot.lane.idle():
                # The lane is there before the slot is taken: whatever interrupts gives it back.
                lane = Lane(self, slot, slot.turn + 1)
                slot.turn += 1
                slot.free = False
                return lane
        return None

    def _oldest_left_running(self) -> BackendBatch | None:
        """The batch that frees a lane next, as streams keep order. The caller holds the lock."""
        left = [slot for slot in self._slots if slot.free and slot.batch is not None]
        return min(left, key=attrgetter("submitted")).batch if left else None

    def note_submitted(self, slot: Slot, batch: BackendBatch) -> None:
        """Remembers what a lane runs, for those who wait for one (lanes call it)."""
        with self._changed:
            self._submitted += 1
            slot.batch, slot.submitted = batch, self._submitted

    def take(self, slot: Slot, turn: int) -> bool:
        """Takes the slot (again) for the caller whose turn it was last (lanes call it).

        Args:
            slot: of the lane.
            turn: the caller's.

        Returns:
            False if another caller has had it since.

        Raises:
            InvalidInputError: the session is closed, or another process's.
        """
        self.require_own_process()
        with self._changed:
            if slot.turn != turn:
                return False
            if self._closed:
                raise InvalidInputError(f"the session of {self.model_path} is closed")
            slot.free = False
            return True

    def give_back(self, slot: Slot, turn: int) -> None:
        """Frees the slot if it is still this caller's turn (lanes call it, from any thread)."""
        if os.getpid() != self._process:
            return
        with self._changed:
            if slot.turn == turn:
                slot.free = True
                self._changed.notify_all()


def _require_finite(pictures: AnyArray, first: int) -> None:
    """Refuses NaN and infinity by the picture's number; `first` is that of the first one."""
    with np.errstate(over="ignore", invalid="ignore"):
        total = pictures.sum()  # a fraction of the time of asking every value
    if np.isfinite(total):
        return
    finite = np.isfinite(pictures.reshape(len(pictures), -1)).all(1)
    if not finite.all():
        number = first + int(np.argmin(finite))
        raise InvalidInputError(f"images[{number}] holds NaN or infinity, expected finite values")
