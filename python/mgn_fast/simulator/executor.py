# SPDX-License-Identifier: Apache-2.0
"""Runs the ONNX that a simulated .om carries. Called on stream threads of the simulator.

ONNX Runtime is imported when the first batch runs.
"""

from __future__ import annotations

import ctypes
import logging
import re
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from mgn_fast.common.threads import thread_count
from mgn_fast.simulator.float16 import as_computed
from mgn_fast.types import AnyArray

if TYPE_CHECKING:
    import onnxruntime

# What aclmdlExecute's task fails with: ACL_ERROR_RT_MODEL_EXECUTE.
MODEL_EXECUTE = 507011
MAX_OPEN_FILES = 4
_ACL_DTYPES = {
    0: np.float32,
    1: np.float16,
    2: np.int8,
    3: np.int32,
    4: np.uint8,
    6: np.int16,
    7: np.uint16,
    8: np.uint32,
    9: np.int64,
    10: np.uint64,
    11: np.float64,
    12: np.bool_,
}
_ONNX_DTYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(int8)": np.int8,
    "tensor(uint8)": np.uint8,
    "tensor(int16)": np.int16,
    "tensor(uint16)": np.uint16,
    "tensor(int32)": np.int32,
    "tensor(uint32)": np.uint32,
    "tensor(int64)": np.int64,
    "tensor(uint64)": np.uint64,
    "tensor(bool)": np.bool_,
}
_log = logging.getLogger(__name__)


class OnnxExecutor:
    """The function that the simulator calls for each batch, and the ONNX sessions it has open."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: OrderedDict[int, onnxruntime.InferenceSession] = OrderedDict()

    def run(
        self,
        file: int,
        onnx: int | None,
        onnx_bytes: int,
        inputs: Any,
        num_inputs: int,
        outputs: Any,
        num_outputs: int,
    ) -> int:
        """Computes the outputs of one batch into the simulator's memory.

        Args:
            file: tells files apart.
            onnx: address of the ONNX.
            onnx_bytes: its length.
            inputs: pointer to `num_inputs` tensors (`library.ExecutorTensor`).
            num_inputs: how many.
            outputs: pointer to `num_outputs` tensors, written here.
            num_outputs: how many.

        Returns:
            0, or the code that the execution fails with; the reason is logged.
        """
        try:
            session = self._session(file, onnx, onnx_bytes)
            feed = _feed(session, [inputs[index] for index in range(num_inputs)])
            wanted = [outputs[index] for index in range(num_outputs)]
            names = _output_names(session, wanted)
            for tensor, result in zip(wanted, session.run(names, feed), strict=True):
                target = _as_array(tensor)
                if result.shape != target.shape:
                    raise ValueError(f"{names} gives {result.shape}, expected {target.shape}")
                target[...] = result
        except Exception:
            # An exception cannot cross C; the task's code carries it on, the log says why.
            _log.exception("the ONNX of a simulated model failed")
            return MODEL_EXECUTE
        return 0

    def _session(
        self, file: int, onnx: int | None, onnx_bytes: int
    ) -> onnxruntime.InferenceSession:
        import onnxruntime

        with self._lock:
            session = self._sessions.pop(file, None)
            if session is None:
                options = onnxruntime.SessionOptions()
                options.intra_op_num_threads = thread_count()
                options.log_severity_level = 3
                # Waiting threads must not take the cores that measure the host's share.
                options.add_session_config_entry("session.intra_op.allow_spinning", "0")
                session = onnxruntime.InferenceSession(
                    as_computed(ctypes.string_at(onnx or 0, onnx_bytes)),
                    options,
                    providers=["CPUExecutionProvider"],
                )
            self._sessions[file] = session
            while len(self._sessions) > MAX_OPEN_FILES:
                self._sessions.popitem(last=False)
            return session


def _as_array(tensor: Any) -> AnyArray:
    """The tensor's own memory as an array; nothing is copied."""
    shape = tuple(tensor.dims[: tensor.num_dims])
    memory = (ctypes.c_char * tensor.bytes).from_address(tensor.data)
    return np.ndarray(shape, _ACL_DTYPES[tensor.data_type], buffer=memory)


def _feed(session: onnxruntime.InferenceSession, tensors: list[Any]) -> dict[str, AnyArray]:
    feed: dict[str, AnyArray] = {}
    entries = session.get_inputs()
    if len(entries) != len(tensors):
        raise ValueError(f"the ONNX has {len(entries)} inputs, the model {len(tensors)}")
    for entry, tensor in zip(entries, tensors, strict=True):
        feed[entry.name] = _as_array(tensor).astype(_ONNX_DTYPES[entry.type], copy=False)
    return feed


def _output_names(session: onnxruntime.InferenceSession, tensors: list[Any]) -> list[str]:
    """The ONNX's names of the model's outputs: ATC writes node:index:name.

    Names without the ONNX's own, as older ATCs write them, stand in the ONNX's order.
    """
    known = [entry.name for entry in session.get_outputs()]
    given = [tensor.name.decode() for tensor in tensors]
    found = [_named_in(name, known) for name in given]
    if not any(found) and len(given) == len(known):
        return known
    return [own or name for own, name in zip(found, given, strict=True)]


def _named_in(name: str, known: list[str]) -> str:
    """Which of the ONNX's names a model's output bears, the longest; "" for none."""
    borne = [own for own in known if name == own or re.search(rf":\d+:{re.escape(own)}$", name)]
    return max(borne, key=len, default="")
