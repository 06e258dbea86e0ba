# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime on the CPU behind the session's lanes.

One ONNX Runtime session serves all lanes, so weights are held once; each lane has an input buffer
and a thread of its own. Input and output are bound, so ONNX Runtime copies neither.
"""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import spec
from .errors import DeviceError, InvalidInputError, ModelError
from .files import is_regular_file
from .lane import FutureBatch
from .threads import thread_count
from .types import AnyArray, F32Array, PathLike

if TYPE_CHECKING:
    import onnxruntime

DEFAULT_BATCH_SIZE = 8
CACHE_LINE_BYTES = 64
_DTYPES: dict[str, np.dtype[Any]] = {
    "tensor(float)": np.dtype(np.float32),
    "tensor(uint8)": np.dtype(np.uint8),
}


class OnnxruntimeModel:
    """An .onnx file opened by ONNX Runtime (`session.Model`)."""

    backend = "onnxruntime"

    def __init__(
        self, path: PathLike, *, lanes: int, batch_size: int | None, threads: int | None
    ) -> None:
        self.path = Path(path)
        self.num_engines = lanes  # each lane has its own threads
        self.threads = _threads_per_lane(lanes, threads)
        self._runtime = _open(self.path, pool_size=1 + lanes * (self.threads - 1))
        self.contract = _read_contract(self._runtime, self.path)
        self._read_input(batch_size)
        self._read_output()

    def open_lane(self) -> OnnxruntimeLane:
        """A new lane of this model."""
        return OnnxruntimeLane(self)

    def close(self) -> None:
        """Nothing to do: ONNX Runtime's session goes with the last reference."""

    def _read_input(self, batch_size: int | None) -> None:
        inputs = self._runtime.get_inputs()
        if len(inputs) != 1:
            names = [entry.name for entry in inputs]
            raise ModelError(f"{self.path} has inputs {names}, expected one")
        (entry,) = inputs
        batch, *rest = entry.shape
        if entry.type not in _DTYPES or not rest or not all(isinstance(n, int) for n in rest):
            raise ModelError(
                f"{self.path} has input {entry.name} of {entry.type} {entry.shape}, "
                "expected float or uint8 with a batch axis and fixed other sizes"
            )
        self.input_name = entry.name
        self.input_dtype = _DTYPES[entry.type]
        self.input_shape = tuple(rest)
        if isinstance(batch, int):
            if batch_size not in (None, batch):
                raise InvalidInputError(
                    f"batch_size is {batch_size}; {self.path} has the fixed batch size {batch}"
                )
            self.batch_size = batch
            self.batch_sizes: tuple[int, ...] = (batch,)
        else:
            self.batch_size = DEFAULT_BATCH_SIZE if batch_size is None else batch_size
            self.batch_sizes = tuple(range(1, self.batch_size + 1))

    def _read_output(self) -> None:
        outputs = {entry.name: entry for entry in self._runtime.get_outputs()}
        candidates = [
            entry
            for entry in outputs.values()
            if entry.type == "tensor(float)" and len(entry.shape) == 2
        ]
        if spec.OUTPUT_NAME in outputs:
            candidates = [entry for entry in candidates if entry.name == spec.OUTPUT_NAME]
        if len(candidates) != 1 or not isinstance(candidates[0].shape[1], int):
            shapes = [f"{entry.name} {entry.type} {entry.shape}" for entry in outputs.values()]
            raise ModelError(
                f"{self.path} has outputs {shapes}; expected one float output (batch, width), or "
                f"one of the name {spec.OUTPUT_NAME!r}"
            )
        self.output_name = candidates[0].name
        self.embedding_width = int(candidates[0].shape[1])


class OnnxruntimeLane:
    """An input buffer and the thread that runs it (`session.BackendLane`)."""

    def __init__(self, model: OnnxruntimeModel) -> None:
        self._model = model
        # Zeros, not garbage: a fixed batch runs its unused rows too.
        self.input = _aligned_zeros((model.batch_size, *model.input_shape), model.input_dtype)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="mgn_fast-lane")
        self._batch: FutureBatch | None = None

    def submit(self, count: int) -> FutureBatch:
        """Starts the first `count` pictures."""
        self._batch = FutureBatch(self._thread, self._run, count)
        return self._batch

    def idle(self) -> bool:
        """Whether the last batch has ended."""
        return self._batch is None or self._batch.done()

    def close(self) -> None:
        """Waits for the batch in flight and ends the thread."""
        self._thread.shutdown(wait=True)

    def _run(self, count: int) -> F32Array:
        model = self._model
        rows = count if count in model.batch_sizes else model.batch_size
        embeddings = np.empty((rows, model.embedding_width), np.float32)
        binding = model._runtime.io_binding()
        binding.bind_input(
            model.input_name,
            "cpu",
            0,
            model.input_dtype,
            (rows, *model.input_shape),
            self.input.ctypes.data,
        )
        binding.bind_output(
            model.output_name, "cpu", 0, np.float32, embeddings.shape, embeddings.ctypes.data
        )
        try:
            model._runtime.run_with_iobinding(binding)
        except Exception as error:  # ONNX Runtime's classes share no other base
            raise DeviceError(
                f"ONNX Runtime failed on {model.path}: {error}",
                call="run_with_iobinding",
                detail=str(error),
            ) from error
        return embeddings[:count]


def _aligned_zeros(shape: tuple[int, ...], dtype: np.dtype[Any]) -> AnyArray:
    """Starts at a cache line, so that packing may write past the cache."""
    size = math.prod(shape) * dtype.itemsize
    memory = np.zeros(size + CACHE_LINE_BYTES, np.uint8)
    start = -memory.ctypes.data % CACHE_LINE_BYTES
    return memory[start : start + size].view(dtype).reshape(shape)


def _threads_per_lane(lanes: int, threads: int | None) -> int:
    """As many as fit: lanes times threads does not exceed the cores, unless the caller says so."""
    return thread_count(threads) if threads is not None else max(1, thread_count() // lanes)


def _open(path: Path, pool_size: int) -> onnxruntime.InferenceSession:
    import onnxruntime

    if not is_regular_file(path) or not os.access(path, os.R_OK):
        raise ModelError(f"model {str(path)!r} is no readable file")
    if path.stat().st_size == 0:
        raise ModelError(f"model {str(path)!r} is empty")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = pool_size
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # failures arrive as exceptions
    # Two sessions used in turn: the idle one's spinning threads would take cores from the other.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    try:
        return onnxruntime.InferenceSession(
            os.fspath(path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # ONNX Runtime's classes share no other base
        raise ModelError(f"ONNX Runtime cannot load {str(path)!r}: {error}") from error


def _read_contract(runtime: Any, path: Path) -> spec.Contract | None:
    metadata = runtime.get_modelmeta().custom_metadata_map
    if spec.METADATA_KEY not in metadata:
        return None
    return spec.Contract.from_json(metadata[spec.METADATA_KEY], source=str(path))
