# SPDX-License-Identifier: Apache-2.0
"""Opens a model file with the backend that runs it."""

from __future__ import annotations

import operator
import os
from pathlib import Path
from typing import Literal

from .errors import InvalidInputError, ModelError, RuntimeUnavailableError
from .session import Session
from .types import PathLike

Backend = Literal["onnxruntime"]

MAX_LANES = 64
MAX_BATCH_SIZE = 1024


def open_session(
    model: PathLike,
    *,
    backend: Backend | None = None,
    device: int = 0,
    lanes: int = 2,
    batch_size: int | None = None,
    threads: int | None = None,
    precision: Literal["float32"] | None = None,
) -> Session:
    """An opened model: a context manager with `run`, `acquire` and `close`.

    Args:
        model: an .onnx file.
        backend: "onnxruntime"; None chooses by the file's ending.
        device: 0, the CPU.
        lanes: batches in flight at once, 1 to 64. More lanes give throughput; one lane, with all
            threads, gives a single picture's lowest latency.
        batch_size: pictures per batch at most, 1 to 1024; None is 8, or the file's own where that
            is fixed.
        threads: per lane; None is the cores (or MGN_FAST_THREADS) divided by the lanes.
        precision: "float32", the only one ONNX Runtime has on the CPU.

    Returns:
        The session.

    Raises:
        InvalidInputError: an option out of range, or one the file cannot follow.
        ModelError: the file is missing, damaged, or has inputs and outputs that are not a model's
            from pictures to embeddings.
        RuntimeUnavailableError: no backend here runs this kind of file.
    """
    if not isinstance(model, (str, os.PathLike)):
        raise InvalidInputError(f"model is {model!r}, expected a path")
    path = Path(model)
    lanes = _checked("lanes", lanes, MAX_LANES)
    batch_size = None if batch_size is None else _checked("batch_size", batch_size, MAX_BATCH_SIZE)
    if backend is None and path.suffix == ".om":
        raise RuntimeUnavailableError(
            f"{str(path)!r} is an Ascend model; this version runs .onnx models on the CPU"
        )
    if backend is None and path.suffix != ".onnx":
        raise ModelError(f"model {str(path)!r} ends in {path.suffix!r}, expected '.onnx'")
    if backend not in (None, "onnxruntime"):
        raise RuntimeUnavailableError(f"backend is {backend!r}; this version has 'onnxruntime'")
    if device != 0:
        raise InvalidInputError(f"device is {device!r}; the onnxruntime backend has device 0 only")
    if precision not in (None, "float32"):
        raise InvalidInputError(
            f"precision is {precision!r}; the onnxruntime backend runs models as 'float32'"
        )
    from .backend_onnxruntime import OnnxruntimeModel

    opened = OnnxruntimeModel(path, lanes=lanes, batch_size=batch_size, threads=threads)
    return Session(opened, lanes)


def _checked(name: str, value: object, most: int) -> int:
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = 0
    if isinstance(value, bool) or not 1 <= number <= most:
        raise InvalidInputError(f"{name} is {value!r}, expected a whole number from 1 to {most}")
    return number
