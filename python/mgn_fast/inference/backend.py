# SPDX-License-Identifier: Apache-2.0
"""The protocols of a backend: a model, lanes that run one batch at a time, and batches.

A session needs no more of a backend than this. Must not know any backend's library.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent import futures
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mgn_fast.common.observer import Stage
from mgn_fast.models.contract import Contract
from mgn_fast.types import AnyArray, F32Array

# A stage with its start and end, in seconds of `time.perf_counter`.
StageTime = tuple[Stage, float, float]


class BackendBatch(Protocol):
    """A batch that a backend runs. Any thread may ask; the results stay."""

    def done(self) -> bool:
        """True once the batch has ended, well or not; does not wait."""

    def wait(self, limit_s: float | None) -> bool:
        """Waits at most `limit_s` for the end (None: no limit); True if the batch has ended."""

    def embeddings(self) -> F32Array:
        """The rows of an ended batch, the caller's own array; raises what the batch failed with."""

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
        """True when nothing runs, so that the input may be written again. Does not wait."""

    def require_alive(self) -> None:
        """Raises what every further submit would fail with, once what runs the lane is lost."""

    def close(self) -> None:
        """Ends the use of the lane; the model's own `close` follows."""


class Model(Protocol):
    """An opened model file: what it says of itself, and its lanes."""

    backend: str
    path: Path
    contract: Contract | None
    input_shape: tuple[int, ...]
    input_dtype: np.dtype[Any]
    embedding_width: int
    output_widths: tuple[int, ...]
    batch_size: int
    batch_sizes: tuple[int, ...]
    # What computes: the lanes are spread over the engines in turn.
    num_engines: int
    # That it takes on its devices; None on the CPU.
    device_bytes: int | None

    @property
    def simulated(self) -> bool:
        """True on a simulated NPU."""

    def open_lane(self) -> BackendLane:
        """Another lane, which runs batches beside the model's other lanes."""

    def close(self) -> None:
        """Waits for what still runs and frees what the model holds. May be called again."""


class FutureBatch:
    """A `BackendBatch` that a thread of Python runs."""

    def __init__(
        self, thread: futures.Executor, run: Callable[[int], F32Array], count: int
    ) -> None:
        self._stage_times: list[StageTime] = []
        self._future = thread.submit(self._run, run, count)

    def done(self) -> bool:
        """True once the thread has returned or raised."""
        return self._future.done()

    def wait(self, limit_s: float | None) -> bool:
        """Waits at most `limit_s` for the thread; True if it has returned or raised."""
        futures.wait([self._future], limit_s)
        return self._future.done()

    def embeddings(self) -> F32Array:
        """The rows that the thread returned; raises what it raised."""
        return self._future.result()

    def stage_times(self) -> Sequence[StageTime]:
        """When the thread began and ended computing; empty before that."""
        return self._stage_times

    def _run(self, run: Callable[[int], F32Array], count: int) -> F32Array:
        started_s = time.perf_counter()
        embeddings = run(count)
        self._stage_times.append(("compute", started_s, time.perf_counter()))
        return embeddings
