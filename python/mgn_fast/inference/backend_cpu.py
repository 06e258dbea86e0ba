# SPDX-License-Identifier: Apache-2.0
"""The parts that the CPU's backends share: checks of an .onnx file, and a lane with its own thread.

Knows no runtime: a backend opens the file, says what its inputs and outputs are, and runs a batch.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from mgn_fast.common.files import is_regular_file
from mgn_fast.common.threads import thread_count
from mgn_fast.errors import InvalidInputError, ModelError
from mgn_fast.inference.backend import FutureBatch
from mgn_fast.models.contract import Contract
from mgn_fast.models.fit import completed_shape, embeddings_output, no_embeddings, width_of
from mgn_fast.models.onnx_file import OnnxTensor
from mgn_fast.types import AnyArray, F32Array

DEFAULT_BATCH_SIZE = 8
CACHE_LINE_BYTES = 64
_INPUT_DTYPES = ("float32", "float16", "uint8")


class CpuModel:
    """A model file's input and output, once its runtime has said what they are.

    Args:
        path: the file.
        ends: its inputs and its outputs.
        lanes: of the session.
        batch_size: that the caller asked for; None for no wish.
        said: the contract, which says sizes that the file leaves free, and the name of the output
            to take; None and "" where nobody says them.

    Attributes:
        path: the file.
        input_name, input_shape, input_dtype: of one picture, without the batch axis.
        contract: as given; None where nobody says it.
        output_name, output_shape, output_dtype: of the output that holds the embeddings, without
            the batch axis.
        embedding_width: numbers in an embedding.
        output_widths: numbers per picture of every output; 0 where the file does not say.
        batch_size: pictures per batch at most.
        batch_sizes: those that run without padding, ascending.
        num_engines: as many as lanes: each has its own threads.
        device_bytes: None: there is no device.
        simulated: False: nothing is.
    """

    device_bytes: int | None = None
    simulated = False

    def __init__(
        self,
        path: Path,
        ends: tuple[Sequence[OnnxTensor], Sequence[OnnxTensor]],
        *,
        lanes: int,
        batch_size: int | None,
        said: tuple[Contract | None, str] = (None, ""),
    ) -> None:
        self.path = path
        self.contract, self._wanted_output = said
        self.num_engines = lanes
        inputs, outputs = ends
        self._read_input(inputs, batch_size)
        self._read_output(outputs)

    def rows_of(self, count: int) -> int:
        """Rows that a batch of `count` pictures runs: as many, or the file's fixed batch size."""
        return count if count in self.batch_sizes else self.batch_size

    def new_output(self, count: int) -> AnyArray:
        """An array for the embeddings of `count` pictures, of the output's own type and shape."""
        return np.empty((count, *self.output_shape), self.output_dtype)

    def as_embeddings(self, output: AnyArray) -> F32Array:
        """The rows of what `new_output` made, as float32 [N, width]; a copy of float16 only."""
        return output.reshape(len(output), -1).astype(np.float32, copy=False)

    def _read_input(self, inputs: Sequence[OnnxTensor], batch_size: int | None) -> None:
        if len(inputs) != 1:
            names = [entry.name for entry in inputs]
            raise ModelError(f"{self.path} has inputs {names}, expected one")
        (entry,) = inputs
        batch, rest = entry.shape[:1], completed_shape(entry.shape[1:], self.contract)
        sizes = tuple(size for size in rest if isinstance(size, int))
        if entry.dtype not in _INPUT_DTYPES or not rest or len(sizes) != len(rest):
            raise ModelError(
                f"{self.path} has input {entry.name} of {entry.dtype} {list(entry.shape)}, "
                f"expected one of {', '.join(_INPUT_DTYPES)} with a batch axis and fixed other "
                "sizes, or a contract that says them"
            )
        self.input_name = entry.name
        self.input_dtype: np.dtype[Any] = np.dtype(entry.dtype)
        self.input_shape = sizes
        if isinstance(batch[0], int):
            if batch_size not in (None, batch[0]):
                raise InvalidInputError(
                    f"batch_size is {batch_size}; {self.path} has the fixed batch size {batch[0]}"
                )
            self.batch_size = batch[0]
            self.batch_sizes: tuple[int, ...] = (batch[0],)
        else:
            self.batch_size = DEFAULT_BATCH_SIZE if batch_size is None else batch_size
            self.batch_sizes = tuple(range(1, self.batch_size + 1))

    def _read_output(self, outputs: Sequence[OnnxTensor]) -> None:
        self.output_widths = tuple(width_of(entry) or 0 for entry in outputs)
        entry = embeddings_output(self.path, outputs, self._wanted_output)
        width = width_of(entry)
        if width is None and self.contract is not None:
            width = self.contract.embedding_width
        if width is None:
            raise no_embeddings(self.path, entry)
        self.output_name = entry.name
        self.output_dtype: np.dtype[Any] = np.dtype(entry.dtype)
        self.output_shape = (width, *(1 for _ in entry.shape[2:]))
        self.embedding_width = width


class CpuLane:
    """An input buffer and the thread that runs it (a `backend.BackendLane`).

    Args:
        model: the model.
        run: computes the embeddings of the input's first rows, so many as it is told.
    """

    def __init__(self, model: CpuModel, run: Callable[[AnyArray], F32Array]) -> None:
        self._model = model
        self._run_rows = run
        # Zeros, not garbage: a fixed batch runs its unused rows too.
        self.input = _aligned_zeros((model.batch_size, *model.input_shape), model.input_dtype)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="mgn_fast-lane")
        self._batch: FutureBatch | None = None

    def submit(self, count: int) -> FutureBatch:
        """Starts the first `count` pictures of the input on the lane's thread."""
        self._batch = FutureBatch(self._thread, self._run, count)
        return self._batch

    def idle(self) -> bool:
        """True when no batch is running, so that the input may be written again."""
        return self._batch is None or self._batch.done()

    def require_alive(self) -> None:
        """Returns: the CPU is never lost."""

    def close(self) -> None:
        """Waits for the batch in flight and ends the thread."""
        self._thread.shutdown(wait=True)

    def _run(self, count: int) -> F32Array:
        return self._run_rows(self.input[: self._model.rows_of(count)])[:count]


def threads_per_lane(lanes: int, threads: int | None) -> int:
    """Threads for each lane: the caller's number, or the cores divided by the lanes.

    Args:
        lanes: of the session.
        threads: what the caller asked for; None for no wish.

    Returns:
        At least 1.

    Raises:
        InvalidInputError: `threads` is out of range.
    """
    return thread_count(threads) if threads is not None else max(1, thread_count() // lanes)


def require_readable(path: Path) -> None:
    """Raises ModelError for a model file that is unreadable or empty, before a runtime opens it."""
    if not is_regular_file(path) or not os.access(path, os.R_OK):
        raise ModelError(f"model {str(path)!r} cannot be read: expected a file, and the right to")
    if path.stat().st_size == 0:
        raise ModelError(f"model {str(path)!r} is empty")


def _aligned_zeros(shape: tuple[int, ...], dtype: np.dtype[Any]) -> AnyArray:
    """An array that starts at a cache line, so that packing may write past the cache."""
    size = math.prod(shape) * dtype.itemsize
    memory = np.zeros(size + CACHE_LINE_BYTES, np.uint8)
    start = -memory.ctypes.data % CACHE_LINE_BYTES
    return memory[start : start + size].view(dtype).reshape(shape)
