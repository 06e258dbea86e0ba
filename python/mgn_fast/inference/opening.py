# SPDX-License-Identifier: Apache-2.0
"""Opens a model file with the backend that runs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

from mgn_fast.common.checks import one_of, path_of, whole_number
from mgn_fast.common.observer import current_observer
from mgn_fast.errors import InvalidInputError, ModelError
from mgn_fast.inference.backend import Model
from mgn_fast.inference.fitting import fitted
from mgn_fast.inference.session import Session
from mgn_fast.models.contract import MAX_BATCH_SIZE
from mgn_fast.models.precision import Precision
from mgn_fast.models.presets import StatedContract, Statement, contract_of
from mgn_fast.types import PathLike

Backend = Literal["ascend", "onnxruntime", "openvino"]

MAX_LANES = 64
_BACKEND_OF: dict[str, Backend] = {".onnx": "onnxruntime", ".om": "ascend", ".xml": "openvino"}


def open_session(
    model: PathLike,
    *,
    backend: Backend | None = None,
    device: int | Sequence[int] = 0,
    lanes: int = 2,
    batch_size: int | None = None,
    threads: int | None = None,
    precision: Precision | None = None,
    contract: StatedContract | None = None,
    output: str | None = None,
) -> Session:
    """An opened model: a context manager with `run`, `acquire` and `close`.

    Args:
        model: an .onnx file or OpenVINO's .xml, which run on the CPU, or an .om file, which runs on
            an Ascend NPU.
        backend: "onnxruntime", "openvino" (an .onnx too; needs the extra of that name) or "ascend";
            None chooses by the file's ending, for an .onnx "onnxruntime".
        device: the NPU's number, or a list of them over which the lanes are spread in turn; 0 on
            the CPU.
        lanes: batches in flight at once, 1 to 64. On the CPU more lanes give throughput; one lane,
            with all threads, gives a single picture's lowest latency. On an NPU two lanes keep it
            busy while the next batch is copied; each takes memory for its work there.
        batch_size: pictures per batch at most, 1 to 1024; None is 8 on the CPU, or the file's own
            where that is fixed, and the largest that an .om was compiled for.
        threads: per lane, CPU only; None is the cores (or MGN_FAST_THREADS) divided by the lanes.
        precision: "float32"; "bf16", with "openvino" on a CPU that has bfloat16 instructions; or
            "int8", which a file from `mgn-fast quantize` runs in and no other. None is what the
            file is: "int8" if it is quantised, else "float32", with "openvino" too, where "bf16"
            is faster. An .om takes None only: its precision was fixed when it was compiled.
        contract: how the model wants its pictures, in place of what the file says: a `Contract`, a
            dict of its fields, a preset's name or a .json file, as `contract_of` takes them.
        output: name of the output that holds the embeddings; None is the contract's, else the only
            one.

    Returns:
        The session.

    Raises:
        InvalidInputError: an option out of range, or one the file cannot follow.
        ModelError: the file is missing, damaged, has inputs and outputs that are not a model's
            from pictures to embeddings, or not those that the contract says.
        RuntimeUnavailableError: the runtime that the file needs is not installed.
        DeviceError: the NPU or its runtime failed.
    """
    path = path_of("model", model)
    stated = Statement(None if contract is None else contract_of(contract), output)
    lanes = whole_number("lanes", lanes, 1, MAX_LANES)
    if batch_size is not None:
        batch_size = whole_number("batch_size", batch_size, 1, MAX_BATCH_SIZE)
    one_of("backend", backend, (None, *get_args(Backend)))
    if backend is None:
        if path.suffix not in _BACKEND_OF:
            raise ModelError(
                f"model {str(path)!r} ends in {path.suffix!r}, expected '.onnx', '.om' or '.xml'"
            )
        backend = _BACKEND_OF[path.suffix]
    observer = current_observer()
    opened: Model
    if backend in ("onnxruntime", "openvino"):
        _refuse_others("device", device, 0, f"the {backend} backend has device 0 only")
        opened = _cpu_model_class(backend)(
            path,
            lanes=lanes,
            batch_size=batch_size,
            threads=threads,
            precision=precision,
            stated=stated,
        )
    else:
        _refuse_others("threads", threads, None, "the ascend backend computes on the NPU")
        _refuse_others("precision", precision, None, "an .om has the one it was compiled with")
        from mgn_fast.inference.backend_ascend import AscendModel

        opened = AscendModel(
            path,
            device=device,
            lanes=lanes,
            batch_size=batch_size,
            timed=observer.times_devices,
            stated=stated,
        )
    try:
        opened.contract = fitted(opened)
    except ModelError:
        opened.close()
        raise
    session = Session(opened, lanes, observer)
    observer.using("session", _settings_of(session, opened, device))
    return session


def _settings_of(session: Session, model: Model, device: object) -> dict[str, object]:
    """The settings in use, asked for or chosen here, as observers receive them."""
    cpu = session.device_bytes is None
    place = {"threads per lane": getattr(model, "threads", None)} if cpu else {"device": device}
    return {
        "model": session.model_path,
        "backend": session.backend,
        "lanes": session.lanes,
        "batch_size": session.batch_size,
        **place,
        "input": f"{session.input_dtype} {list(session.input_shape)}",
        "contract": session.contract and session.contract.origin,
    }


def _cpu_model_class(backend: Backend) -> Any:
    if backend == "openvino":
        from mgn_fast.inference.backend_openvino import OpenvinoModel

        return OpenvinoModel
    from mgn_fast.inference.backend_onnxruntime import OnnxruntimeModel

    return OnnxruntimeModel


def _refuse_others(name: str, value: object, only: object, why: str) -> None:
    if value not in (None, only) or isinstance(value, bool):
        raise InvalidInputError(f"{name} is {value!r}; {why}")
