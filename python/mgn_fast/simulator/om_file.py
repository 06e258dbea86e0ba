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
from urllib.parse import quote

import numpy as np

from mgn_fast.cann.aipp import factors, minima
from mgn_fast.common.checks import one_of
from mgn_fast.common.files import read_limited, write_atomically, write_json
from mgn_fast.errors import InvalidInputError, ModelError
from mgn_fast.models.contract import MGN
from mgn_fast.models.om_file import (
    HEADER_BYTES,
    LENGTH_OFFSET,
    LONG_LENGTH_OFFSET,
    MAGIC,
    sidecar_path,
)
from mgn_fast.simulator.network import (
    DTYPE_NUMBERS,
    FORMAT_NUMBERS,
    Network,
    TensorSpec,
    describe,
)
from mgn_fast.simulator.onnx_graph import with_metadata
from mgn_fast.simulator.precision import METADATA_KEY, Precision
from mgn_fast.types import PathLike

_VERSION = 0x20000000
_FIRST_LINE = b"mgn-fast-simulated-om 1"
_MAX_BYTES = (1 << 31) - 1
_MAX_GEARS = 100
_MAX_GEAR = 2048
_MAX_BATCH = 65536


@dataclass(frozen=True)
class StaticAipp:
    """Normalisation on the device: (half(x) - half(min_chn)) * half(var_reci), in half precision.

    Attributes:
        min_chn: subtracted from each channel; MGN's mean, in steps of a picture, by default.
        var_reci: multiplied with the difference; one over MGN's deviation by default.
    """

    min_chn: tuple[float, ...] = minima(MGN)
    var_reci: tuple[float, ...] = factors(MGN)


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
    output_names: Sequence[str] | None = None,
    weight_bytes: int | None = None,
    work_bytes: int | None = None,
    precision: Precision | None = None,
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
        outputs: what it gives; None likewise, or MGN's embedding. Sizes that the ONNX leaves open
            are those of the inputs given.
        aipp: the device normalises: input 0 is fed uint8 NHWC. The network's must be float NCHW
            with three channels. What it subtracts and multiplies is MGN's unless said otherwise.
        output_dtype: element type of all outputs, "float32" or "float16"; None keeps each.
        output_names: what the .om calls its outputs, in their order; None as `outputs` does.
        weight_bytes: device memory of the weights; None is half of the ONNX, as in half precision,
            or a little without one. 0 is a file whose weights are kept elsewhere.
        work_bytes: device memory of each instance; None is what inputs and outputs take.
        precision: which operators compute in float16; None is float32 for all, and says nothing of
            it in the file.

    Returns:
        The path written.

    Raises:
        InvalidInputError: an argument is not as above, or the directory cannot be written.
        ModelError: the ONNX cannot be read, or its sizes are not fixed but for the batch.
    """
    network = b"" if onnx is None else _read_onnx(onnx)
    used = describe(network, onnx, inputs, outputs)
    if network and precision is not None:
        network = with_metadata(network, {METADATA_KEY: precision.to_json()})
    used = dataclasses.replace(
        used, outputs=_renamed(_with_dtype(used.outputs, output_dtype), output_names)
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
        _FIRST_LINE.decode(),
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


def carried_onnx(path: PathLike) -> bytes:
    """The ONNX that a simulated .om carries; empty where it carries none, or is no simulated .om.

    Args:
        path: an .om file.

    Returns:
        The ONNX's bytes.

    Raises:
        ModelError: the file cannot be read.
    """
    content = read_limited(path, _MAX_BYTES, ModelError, what="model")
    description, end, network = content[HEADER_BYTES:].partition(b"\nend\n")
    return network if end and description.startswith(_FIRST_LINE) else b""


def _read_onnx(onnx: bytes | PathLike) -> bytes:
    if isinstance(onnx, bytes):
        return onnx
    try:
        return Path(onnx).read_bytes()
    except OSError as error:
        raise ModelError(f"ONNX {os.fspath(onnx)!r} cannot be read: {error.strerror}") from error


def _with_dtype(outputs: Sequence[TensorSpec], dtype: str | None) -> tuple[TensorSpec, ...]:
    if dtype is None:
        return tuple(outputs)
    one_of("output_dtype", dtype, ("float32", "float16"))
    return tuple(dataclasses.replace(output, dtype=dtype) for output in outputs)


def _renamed(
    outputs: tuple[TensorSpec, ...], names: Sequence[str] | None
) -> tuple[TensorSpec, ...]:
    if names is None:
        return outputs
    if len(names) != len(outputs):
        raise InvalidInputError(
            f"output_names is {list(names)}, expected a name for each of {len(outputs)} outputs"
        )
    return tuple(
        dataclasses.replace(output, name=name) for output, name in zip(outputs, names, strict=True)
    )


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


def _tensor_lines(network: Network, gears: list[int], aipp: StaticAipp | None) -> list[str]:
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
        lines.append(f"aipp {DTYPE_NUMBERS['uint8']} 4 {source} {' '.join(numbers)}")
    return lines + [_tensor_line("output", tensor, gears[-1]) for tensor in network.outputs]


def _tensor_line(key: str, tensor: TensorSpec, batch: int) -> str:
    dims = [batch, *tensor.shape]
    numbers = [DTYPE_NUMBERS[tensor.dtype], FORMAT_NUMBERS[tensor.format], len(dims), *dims]
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
