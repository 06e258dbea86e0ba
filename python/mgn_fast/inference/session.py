# SPDX-License-Identifier: Apache-2.0
"""The session: what a user holds of an opened model, whatever the backend below.

A backend gives `Model`: what the file says of itself, and lanes that run one batch at a time. The
pool shares the lanes out between callers. Must not know any backend's library.
"""

from __future__ import annotations

import bisect

import numpy as np

from mgn_fast.common.observer import NO_OBSERVER, Observer
from mgn_fast.errors import InvalidInputError
from mgn_fast.inference.backend import Model
from mgn_fast.inference.lane import Flight, Lane
from mgn_fast.inference.pool import Pool
from mgn_fast.models.contract import Contract
from mgn_fast.models.presets import no_contract
from mgn_fast.types import AnyArray, F32Array


class Session:
    """An opened model and its lanes. Any thread may call it; a context manager.

    Attributes:
        backend: "onnxruntime", "openvino" or "ascend".
        model_path: the file.
        contract: how pictures become its input; None where neither file nor caller says.
        output_widths: numbers per picture of each of the file's outputs, 0 where it does not say.
        input_shape: of one picture, without the batch axis.
        input_dtype: of the input.
        embedding_width: of one embedding.
        batch_size: pictures per batch at most.
        batch_sizes: the batch sizes that run without padding, ascending.
        lanes: batches that can be in flight at once.
        num_engines: what computes, and is shared by the lanes in turn.
        device_bytes: memory that it takes on its devices; None on the CPU.
        simulated: whether its NPU is the simulator.
        observer: receives the time of every step.
        pool: shares the lanes out; callers that send batches themselves use it through `Flight`.
    """

    def __init__(self, model: Model, lanes: int, observer: Observer = NO_OBSERVER) -> None:
        self.backend = model.backend
        self.model_path = model.path
        self.contract = model.contract
        self.output_widths = model.output_widths
        self.input_shape = model.input_shape
        self.input_dtype = model.input_dtype
        self.embedding_width = model.embedding_width
        self.batch_size = model.batch_size
        self.batch_sizes = model.batch_sizes
        self.lanes = lanes
        self.num_engines = model.num_engines
        self.device_bytes = model.device_bytes
        self.simulated = model.simulated
        self.observer = observer
        self.pool = Pool(model, lanes, observer)

    def acquire(self, timeout_s: float | None = None) -> Lane:
        """A free lane, yours alone; waits until there is one.

        Args:
            timeout_s: seconds to wait at most; None waits until one is free or Ctrl-C.

        Returns:
            The lane, yours alone.

        Raises:
            TimeoutError: none became free in time.
            DeviceError: no lane will ever run a batch again; close the session and open it again.
            InvalidInputError: the session is closed.
        """
        return Lane.acquire(self.pool, timeout_s)

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
        flight: Flight[slice] = Flight(self.pool)
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

    def require_contract(self) -> Contract:
        """The contract in force; ModelError, which says how to state one, where nobody says it."""
        if self.contract is None:
            raise no_contract(self.model_path, self.input_shape, self.output_widths)
        return self.contract

    def next_count(self, remaining: int) -> int:
        """The number of remaining pictures that the next batch should hold.

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

    def close(self) -> None:
        """Waits for the batches in flight and frees the lanes. May be called again.

        Raises:
            DeviceError: something could not be freed, or a batch did not end; all else is freed.
        """
        self.pool.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_images(self, images: AnyArray) -> None:
        self.pool.require_open()
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


def _require_finite(pictures: AnyArray, first: int) -> None:
    """Raises for NaN and infinity, by the picture's number; `first` is that of the first one."""
    with np.errstate(over="ignore", invalid="ignore"):
        total = pictures.sum()  # a fraction of the time of asking every value
    if np.isfinite(total):
        return
    finite = np.isfinite(pictures.reshape(len(pictures), -1)).all(1)
    if not finite.all():
        number = first + int(np.argmin(finite))
        raise InvalidInputError(f"images[{number}] holds NaN or infinity, expected finite values")
