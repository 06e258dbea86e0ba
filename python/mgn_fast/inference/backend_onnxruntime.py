# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime on the CPU behind the session's lanes.

One ONNX Runtime session serves all lanes, so weights are held once; each lane has an input buffer
and a thread of its own. Input and output are bound, so ONNX Runtime copies neither.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mgn_fast.errors import DeviceError, InvalidInputError, ModelError
from mgn_fast.inference.backend_cpu import CpuLane, CpuModel, require_readable, threads_per_lane
from mgn_fast.models.contract import METADATA_KEY, Contract
from mgn_fast.models.onnx_file import OnnxTensor, metadata_of, read_onnx
from mgn_fast.models.precision import Precision, precision_of, quantises
from mgn_fast.models.presets import NOTHING_SAID, Statement
from mgn_fast.types import AnyArray, F32Array, PathLike

if TYPE_CHECKING:
    import onnxruntime

# Its own words for the element types that matter, in NumPy's.
_DTYPES = {"tensor(float)": "float32", "tensor(float16)": "float16", "tensor(uint8)": "uint8"}


class OnnxruntimeModel(CpuModel):
    """An .onnx file opened by ONNX Runtime (a `backend.Model`)."""

    backend = "onnxruntime"

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
        if precision == "bf16":
            raise InvalidInputError(
                "precision is 'bf16'; the onnxruntime backend runs 'float32', or 'int8' from a "
                "quantised file; backend='openvino' has 'bf16'"
            )
        self.threads = threads_per_lane(lanes, threads)
        self._runtime = _open(path, pool_size=1 + lanes * (self.threads - 1))
        if precision is not None:
            kinds = {node.kind for node in read_onnx(path).nodes}
            precision_of(path, precision, quantised=quantises(kinds))
        ends = _described(self._runtime.get_inputs()), _described(self._runtime.get_outputs())
        said = stated.completed(lambda: _read_contract(self._runtime, path))
        super().__init__(path, ends, lanes=lanes, batch_size=batch_size, said=said)

    def open_lane(self) -> CpuLane:
        """Another lane; all of them run in one ONNX Runtime session."""
        return CpuLane(self, self._run)

    def close(self) -> None:
        """Does nothing: ONNX Runtime's session goes with its last reference."""

    def _run(self, images: AnyArray) -> F32Array:
        output = self.new_output(len(images))
        binding = self._runtime.io_binding()
        binding.bind_input(
            self.input_name, "cpu", 0, self.input_dtype, images.shape, images.ctypes.data
        )
        binding.bind_output(
            self.output_name, "cpu", 0, self.output_dtype, output.shape, output.ctypes.data
        )
        try:
            self._runtime.run_with_iobinding(binding)
        except Exception as error:  # ONNX Runtime's classes share no other base
            raise DeviceError(
                f"ONNX Runtime failed on {self.path}: {error}",
                call="run_with_iobinding",
                detail=str(error),
            ) from error
        return self.as_embeddings(output)


def _open(path: Path, pool_size: int) -> onnxruntime.InferenceSession:
    import onnxruntime

    require_readable(path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = pool_size
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # failures arrive as exceptions
    # Two sessions used in turn: the idle one's spinning threads would take cores from the other.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    # Without VNNI, sums of int8 products would saturate in 16 bits: other numbers on other CPUs.
    options.add_session_config_entry("session.x64quantprecision", "1")
    try:
        return onnxruntime.InferenceSession(
            os.fspath(path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # ONNX Runtime's classes share no other base
        raise ModelError(f"ONNX Runtime cannot load {str(path)!r}: {error}") from error


def _described(entries: Any) -> list[OnnxTensor]:
    return [
        OnnxTensor(entry.name, _DTYPES.get(entry.type, entry.type), tuple(entry.shape))
        for entry in entries
    ]


def _read_contract(runtime: Any, path: Path) -> Contract | None:
    metadata = runtime.get_modelmeta().custom_metadata_map
    if METADATA_KEY not in metadata:
        return None
    return Contract.from_json(metadata[METADATA_KEY], source=metadata_of(path))
