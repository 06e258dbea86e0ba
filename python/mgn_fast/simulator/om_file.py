# SPDX-License-Identifier: Apache-2.0
"""Writes .om files for the simulator: the real container's header, a description, the ONNX.

The format is told in cpp/simulator/models/om_file.h. A real NPU refuses such a file, and the
simulator refuses a real one.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from mgn_fast.cann.aipp import MIN_CHN, VAR_RECI
from mgn_fast.common.checks import one_of
from mgn_fast.common.files import write_atomically, write_json
from mgn_fast.errors import InvalidInputError, ModelError
from mgn_fast.models.contract import (
    EMBEDDING_WIDTH,
    HEIGHT,
    INPUT_NAME,
    METADATA_KEY,
    OUTPUT_NAME,
    WIDTH,
    Contract,
)
from mgn_fast.models.om_file import (
    HEADER_BYTES,
    LENGTH_OFFSET,
    LONG_LENGTH_OFFSET,
    MAGIC,
    sidecar_path,
)
from mgn_fast.types import PathLike

_VERSION = 0x20000000
_DTYPE_NUMBERS = {
    "float32": 0,
    "float16": 1,
    "int8": 2,
    "int32": 3,
    "uint8": 4,
    "int16": 6,
    "uint16": 7,
    "uint32": 8,
    "int64": 9,
    "uint64": 10,
    "float64": 11,
    "bool": 12,
}
_FORMAT_NUMBERS = {"NCHW": 0, "NHWC": 1, "ND": 2}
_ONNX_DTYPES = {"float": "float32", "double": "float64"}
_MAX_GEARS = 100
_MAX_GEAR = 2048
_MAX_BATCH = 65536


@dataclass(frozen=True)
class TensorSpec:
    """Name, type, shape and format of a model's input or output.

    Attributes:
        name: its name.
        dtype: NumPy's name of the element type.
        shape: sizes without the batch, which comes first.
        format: "NCHW", "NHWC" or "ND".
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    format: str = "ND"

    def __post_init__(self) -> None:
        is_shape = len(self.shape) <= 7 and all(size >= 1 for size in self.shape)
        known = self.dtype in _DTYPE_NUMBERS and self.format in _FORMAT_NUMBERS
        if not (self.name and is_shape and known):
            raise InvalidInputError(
                f"tensor {self.name!r} is {self.dtype} {self.shape} {self.format}; expected a "
                f"name, one of {sorted(_DTYPE_NUMBERS)}, up to 7 sizes from 1 and one of "
                f"{sorted(_FORMAT_NUMBERS)}"
            )


@dataclass(frozen=True)
class StaticAipp:
    """Normalisation on the device: (half(x) - half(min_chn)) * half(var_reci), in half precision.

    Attributes:
        min_chn: subtracted from each channel; MGN's mean, in steps of a picture, by default.
        var_reci: multiplied with the difference; one over MGN's deviation by default.
    """

    min_chn: tuple[float, ...] = MIN_CHN
    var_reci: tuple[float, ...] = VAR_RECI


MGN_INPUTS = (TensorSpec(INPUT_NAME, "float32", (3, HEIGHT, WIDTH), "NCHW"),)
MGN_OUTPUTS = (TensorSpec(OUTPUT_NAME, "float32", (EMBEDDING_WIDTH,)),)


def write_om(
    path: PathLike,
    *,
    onnx: bytes | PathLike | None = None,
    soc_version: str = "Ascend310P3",
    batch_sizes: Sequence[int] = (8,),
    inputs: Sequence[TensorSpec] | None = None,
    outputs: Sequence[TensorSpec] | None = None,
    aipp: StaticAipp | None = None,
    output_dtype: str | None = None,
    weight_bytes: int | None = None,
    work_bytes: int | None = None,
) -> Path:
    """Writes an .om that the simulator loads, and what pictures it expects beside it.

    Where the ONNX says what pictures it expects, `<path>.json` says so too, as {"contract": ...};
    with AIPP that is uint8, because the device normalises.

    Args:
        path: the file to write.
        onnx: the network: a file's bytes or its path. None: only the stand-in can run it.
        soc_version: the device it is for.
        batch_sizes: one size is a fixed batch; 2 to 100 are gears, taken in ascending order.
        inputs: what the network takes; None is read from the ONNX, or MGN's picture.
        outputs: what it gives; None likewise, or MGN's embedding.
        aipp: the device normalises: input 0 is fed uint8 NHWC. The network's must be float NCHW
            with three channels.
        output_dtype: element type of all outputs, "float32" or "float16"; None keeps each.
        weight_bytes: device memory of the weights; None is half of the ONNX, as in half precision,
            or a little without one. 0 is a file whose weights are kept elsewhere.
        work_bytes: device memory of each instance; None is what inputs and outputs take.

    Returns:
        The path written.

    Raises:
        InvalidInputError: an argument is not as above, or the directory cannot be written.
        ModelError: the ONNX cannot be read, or its sizes are not fixed but for the batch.
    """
    network = b"" if onnx is None else _read_onnx(onnx)
    known = _describe_onnx(network, source=onnx) if network else _Network(MGN_INPUTS, MGN_OUTPUTS)
    used = dataclasses.replace(
        known,
        inputs=tuple(known.inputs if inputs is None else inputs),
        outputs=_with_dtype(known.outputs if outputs is None else outputs, output_dtype),
    )
    gears = _check_batch_sizes(batch_sizes, used.batch_size)
    if not soc_version or min(weight_bytes or 0, work_bytes or 0) < 0:
        raise InvalidInputError(
            f"soc_version is {soc_version!r}, weight_bytes {weight_bytes}, work_bytes "
            f"{work_bytes}; expected a name such as 'Ascend310P3' and bytes from 0"
        )
    if weight_bytes is None:
        weight_bytes = _round_up(max(1, len(network) // 2))
    if work_bytes is None:
        tensors = used.inputs + used.outputs
        work_bytes = _round_up(sum(_row_bytes(tensor) for tensor in tensors) * gears[-1])
    lines = [
        "mgn-fast-simulated-om 1",
        f"soc_version {quote(soc_version, safe='')}",
        *_batch_lines(gears),
        *_tensor_lines(used, gears, aipp),
        f"weight_bytes {weight_bytes}",
        f"work_bytes {work_bytes}",
        f"onnx_bytes {len(network)}",
        "end",
    ]
    payload = "".join(line + "\n" for line in lines).encode("ascii") + network
    written = write_atomically(path, _header(payload, Path(path).stem) + payload)
    if used.contract is not None:
        contract = used.contract
        if aipp is not None:
            contract = dataclasses.replace(contract, input="uint8", layout="NHWC")
        sidecar = {"contract": json.loads(contract.to_json())}
        write_json(sidecar_path(Path(path)), sidecar)
    return written


@dataclass(frozen=True)
class _Network:
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    batch_size: int | None = None  # None: any
    contract: Contract | None = None


def _read_onnx(onnx: bytes | PathLike) -> bytes:
    if isinstance(onnx, bytes):
        return onnx
    try:
        return Path(onnx).read_bytes()
    except OSError as error:
        raise ModelError(f"ONNX {os.fspath(onnx)!r} cannot be read: {error.strerror}") from error


def _describe_onnx(network: bytes, *, source: bytes | PathLike | None) -> _Network:
    import onnxruntime

    name = "the ONNX" if source is None or isinstance(source, bytes) else os.fspath(source)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        session = onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        # ONNX Runtime raises classes of its own without a common base.
        raise ModelError(f"{name} cannot be opened: {error}") from error
    inputs = tuple(_tensor_spec(entry, name) for entry in session.get_inputs())
    outputs = tuple(_tensor_spec(entry, name) for entry in session.get_outputs())
    fixed = {entry.shape[0] for entry in session.get_inputs() if isinstance(entry.shape[0], int)}
    if len(fixed) > 1:
        raise ModelError(f"{name} has inputs with batch sizes {sorted(fixed)}, expected one")
    text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    contract = None if text is None else Contract.from_json(text, source=name)
    return _Network(inputs, outputs, fixed.pop() if fixed else None, contract)


def _tensor_spec(entry: Any, source: str) -> TensorSpec:
    word = entry.type.removeprefix("tensor(").removesuffix(")")
    dtype = _ONNX_DTYPES.get(word, word)
    shape = tuple(entry.shape[1:])
    if dtype not in _DTYPE_NUMBERS or not entry.shape or not all(isinstance(n, int) for n in shape):
        raise ModelError(
            f"{source} has {entry.name} of {entry.type} {entry.shape}; expected a batch axis, "
            f"fixed other sizes and one of {sorted(_DTYPE_NUMBERS)}"
        )
    layout = "ND"
    if len(shape) == 3:
        layout = "NHWC" if dtype == "uint8" and shape[2] in (1, 3, 4) else "NCHW"
    return TensorSpec(entry.name, dtype, shape, layout)


def _with_dtype(outputs: Sequence[TensorSpec], dtype: str | None) -> tuple[TensorSpec, ...]:
    if dtype is None:
        return tuple(outputs)
    one_of("output_dtype", dtype, ("float32", "float16"))
    return tuple(dataclasses.replace(output, dtype=dtype) for output in outputs)


def _check_batch_sizes(batch_sizes: Sequence[int], fixed: int | None) -> list[int]:
    gears = sorted(batch_sizes)
    most = _MAX_GEAR if len(gears) > 1 else _MAX_BATCH
    is_list = 1 <= len(gears) <= _MAX_GEARS and len(set(gears)) == len(gears)
    if not is_list or not all(1 <= gear <= most for gear in gears):
        raise InvalidInputError(
            f"batch_sizes is {list(batch_sizes)}, expected one size, or 2 to {_MAX_GEARS} "
            f"different gears of 1 to {_MAX_GEAR}"
        )
    if fixed is not None and gears != [fixed]:
        raise InvalidInputError(
            f"batch_sizes is {list(batch_sizes)}, the ONNX has the fixed batch size {fixed}"
        )
    return gears


def _batch_lines(gears: list[int]) -> list[str]:
    return [f"batch {gears[0]}" if len(gears) == 1 else "gears " + " ".join(map(str, gears))]


def _tensor_lines(network: _Network, gears: list[int], aipp: StaticAipp | None) -> list[str]:
    fed = gears[0] if len(gears) == 1 else -1
    lines = [_tensor_line("input", tensor, fed) for tensor in network.inputs]
    if aipp is not None:
        first = network.inputs[0]
        if first.format != "NCHW" or first.shape[0] != 3 or not first.dtype.startswith("float"):
            raise InvalidInputError(
                f"input {first.name!r} is {first.dtype} {first.shape} {first.format}; with AIPP "
                "the network takes float NCHW with three channels"
            )
        numbers = [repr(float(number)) for number in (*aipp.min_chn, *aipp.var_reci)]
        source = f"{fed} {first.shape[1]} {first.shape[2]} 3"
        lines.append(f"aipp {_DTYPE_NUMBERS['uint8']} 4 {source} {' '.join(numbers)}")
    return lines + [_tensor_line("output", tensor, gears[-1]) for tensor in network.outputs]


def _tensor_line(key: str, tensor: TensorSpec, batch: int) -> str:
    dims = [batch, *tensor.shape]
    numbers = [_DTYPE_NUMBERS[tensor.dtype], _FORMAT_NUMBERS[tensor.format], len(dims), *dims]
    return f"{key} {quote(tensor.name, safe='/:')} {' '.join(map(str, numbers))}"


def _row_bytes(tensor: TensorSpec) -> int:
    return math.prod(tensor.shape) * np.dtype(tensor.dtype).itemsize


def _round_up(count: int) -> int:
    return -(-count // 512) * 512


def _header(payload: bytes, name: str) -> bytes:
    header = bytearray(HEADER_BYTES)
    struct.pack_into("<4s2I", header, 0, MAGIC, HEADER_BYTES, _VERSION)
    struct.pack_into("<I", header, LENGTH_OFFSET, min(len(payload), (1 << 32) - 1))
    header[84:116] = name.encode(errors="replace")[:31].ljust(32, b"\0")
    struct.pack_into("<I", header, 156, 1)
    struct.pack_into("<Q", header, LONG_LENGTH_OFFSET, len(payload))
    return bytes(header)
