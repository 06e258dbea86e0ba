# SPDX-License-Identifier: Apache-2.0
"""Opens a model file with the backend that runs it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from .errors import InvalidInputError, ModelError, RuntimeUnavailableError
from .session import Session
from .types import PathLike

Backend = Literal["onnxruntime"]


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
        lanes: batches in flight at once, at least 1. More lanes give throughput; one lane, with all
            threads, gives a single picture's lowest latency.
        batch_size: pictures per batch at most; None is 8, or the file's own where that is fixed.
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
    path = Path(model)
    _check_options(lanes=lanes, batch_size=batch_size)
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


def _check_options(**options: int | None) -> None:
    for name, value in options.items():
        if value is not None and (not isinstance(value, int) or value < 1):
            raise InvalidInputError(f"{name} is {value!r}, expected a whole number of at least 1")
