# SPDX-License-Identifier: Apache-2.0
"""OpenVINO on the CPU behind the session's lanes: float32, bfloat16, or a quantised file in int8.

One compiled model serves all lanes, so weights are held once; each lane has an input buffer, an
infer request and a thread of its own. OpenVINO reads and writes our arrays, so nothing is copied.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mgn_fast.common.extras import require_extra
from mgn_fast.errors import DeviceError, InvalidInputError, ModelError
from mgn_fast.inference.backend_cpu import CpuLane, CpuModel, require_readable, threads_per_lane
from mgn_fast.models.contract import METADATA_KEY, Contract
from mgn_fast.models.om_file import read_contract
from mgn_fast.models.onnx_file import OnnxTensor, metadata_of
from mgn_fast.models.precision import Precision, precision_of, quantises
from mgn_fast.models.presets import NOTHING_SAID, Statement
from mgn_fast.types import AnyArray, F32Array, PathLike

if TYPE_CHECKING:
    import openvino

_TELEMETRY = "openvino_telemetry"
# Its words for what the layers that are not int8 compute in. Never left to OpenVINO: its default is
# bfloat16 on a CPU that has it, and float16 on others.
_HINTS: dict[Precision, str] = {"float32": "f32", "bf16": "bf16", "int8": "f32"}


class OpenvinoModel(CpuModel):
    """An .onnx file, or OpenVINO's own .xml, opened by OpenVINO (a `backend.Model`)."""

    backend = "openvino"

    def __init__(
        self,
        path: PathLike,
        *,
        lanes: int,
        batch_size: int | None,
        threads: int | None,
        precision: Precision | None = None,
        stated: Statement = NOTHING_SAID,
    ) -> None:
        path = Path(path)
        require_readable(path)
        runtime = _import_openvino()
        model = _read(path)
        kinds = {operator.get_type_name() for operator in model.get_ops()}
        self.precision = precision_of(path, precision, quantised=quantises(kinds))
        if self.precision == "bf16":
            _require_bf16(_capabilities(runtime.Core()))
        self.threads = threads_per_lane(lanes, threads)
        said = stated.completed(lambda: _read_contract(model, path))
        outputs = _described(model.outputs, said[1])
        ends = _described(model.inputs), outputs
        super().__init__(path, ends, lanes=lanes, batch_size=batch_size, said=said)
        self._output_place = [entry.name for entry in outputs].index(self.output_name)
        _fix_size(model, self.input_shape)
        self._make_tensor = runtime.Tensor
        self._compiled = _compile(runtime, model, path, _options(lanes, self))

    def open_lane(self) -> CpuLane:
        """Another lane, with an infer request of its own."""
        request = self._compiled.create_infer_request()
        return CpuLane(self, lambda images: self._run(request, images))

    def close(self) -> None:
        """Does nothing: OpenVINO's model goes with its last reference."""

    def _run(self, request: openvino.InferRequest, images: AnyArray) -> F32Array:
        output = self.new_output(len(images))
        try:
            request.set_input_tensor(self._make_tensor(images, shared_memory=True))
            request.set_output_tensor(
                self._output_place, self._make_tensor(output, shared_memory=True)
            )
            # Not `infer`, which copies every output that the file has.
            request.start_async()
            request.wait()
        except Exception as error:  # OpenVINO's classes share no other base
            raise DeviceError(
                f"OpenVINO failed on {self.path}: {error}", call="infer", detail=str(error)
            ) from error
        return self.as_embeddings(output)


def _options(lanes: int, model: OpenvinoModel) -> dict[str, Any]:
    return {
        "INFERENCE_PRECISION_HINT": _HINTS[model.precision],
        "NUM_STREAMS": lanes,
        "INFERENCE_NUM_THREADS": lanes * model.threads,
        # Pinned, the threads of two sessions would share a core while another is free, and so would
        # those that decode. It was worth 2 % to a session alone.
        "ENABLE_CPU_PINNING": False,
    }


def _import_openvino() -> Any:
    """The module openvino, imported without its telemetry.

    Importing it would otherwise write an identifier into the home directory and start a process
    that reports the import over the network. Without that package OpenVINO has a stand-in for it.
    """
    loaded: dict[str, Any] = sys.modules  # None there means: not to be imported
    absent = object()
    before = loaded.get(_TELEMETRY, absent)
    if before is absent:
        loaded[_TELEMETRY] = None
    try:
        require_extra("openvino", "openvino")
    finally:
        if before is absent:
            del loaded[_TELEMETRY]
    return loaded["openvino"]


def _read(path: Path) -> openvino.Model:
    from openvino.frontend import FrontEndManager

    # Not `Core.read_model`, which has every other format's reader try the file and complain.
    reader = FrontEndManager().load_by_framework("ir" if path.suffix == ".xml" else "onnx")
    try:
        return reader.convert(reader.load(os.fspath(path)))
    except Exception as error:  # OpenVINO's classes share no other base
        raise ModelError(f"OpenVINO cannot load {str(path)!r}: {error}") from error


def _compile(runtime: Any, model: openvino.Model, path: Path, options: dict[str, Any]) -> Any:
    try:
        return runtime.Core().compile_model(model, "CPU", options)
    except Exception as error:  # OpenVINO's classes share no other base
        raise ModelError(f"OpenVINO cannot compile {str(path)!r}: {error}") from error


def _capabilities(core: openvino.Core) -> list[str]:
    return list(core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"))


def _require_bf16(capabilities: list[str]) -> None:
    if "BF16" not in capabilities:
        raise InvalidInputError(
            f"precision is 'bf16', but this CPU has no bfloat16 instructions (OpenVINO finds "
            f"{', '.join(capabilities)}); expected 'float32', or a file from `mgn-fast quantize`"
        )


def _described(ports: Any, wanted: str = "") -> list[OnnxTensor]:
    """Inputs or outputs, each by the name that is wanted where it has that one among others."""
    described = []
    for place, port in enumerate(ports):
        names = sorted(port.get_names()) or [f"number {place}"]
        name = wanted if wanted in names else names[0]
        described.append(OnnxTensor(name, _dtype(port.element_type), _shape(port.partial_shape)))
    return described


def _fix_size(model: openvino.Model, picture_shape: Sequence[int]) -> None:
    """Gives the pictures their size where the file leaves it free; the batch stays as it is."""
    shape = model.inputs[0].partial_shape
    if any(size.is_dynamic for size in list(shape)[1:]):
        model.reshape([-1 if shape[0].is_dynamic else shape[0].get_length(), *picture_shape])


def _dtype(kind: Any) -> str:
    try:
        return str(np.dtype(kind.to_dtype()))
    except Exception:  # an element type that NumPy lacks; OpenVINO's classes share no other base
        return str(kind.get_type_name())


def _shape(shape: Any) -> tuple[int | str, ...]:
    if shape.rank.is_dynamic:
        return ()
    return tuple("" if size.is_dynamic else size.get_length() for size in shape)


def _read_contract(model: openvino.Model, path: Path) -> Contract | None:
    if path.suffix == ".xml":
        return read_contract(path)
    place = ["framework", METADATA_KEY]
    if not model.has_rt_info(place):
        return None
    text = model.get_rt_info(place).astype(str)
    return Contract.from_json(text, source=metadata_of(path))
