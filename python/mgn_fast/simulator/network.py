# SPDX-License-Identifier: Apache-2.0
"""A network's inputs and outputs as an .om describes them, asked of ONNX Runtime."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

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
from mgn_fast.types import PathLike

if TYPE_CHECKING:
    import onnxruntime

DTYPE_NUMBERS = {
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
FORMAT_NUMBERS = {"NCHW": 0, "NHWC": 1, "ND": 2}
_ONNX_DTYPES = {"float": "float32", "double": "float64"}


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
        known = self.dtype in DTYPE_NUMBERS and self.format in FORMAT_NUMBERS
        if not (self.name and is_shape and known):
            raise InvalidInputError(
                f"tensor {self.name!r} is {self.dtype} {self.shape} {self.format}; expected a "
                f"name, one of {sorted(DTYPE_NUMBERS)}, up to 7 sizes from 1 and one of "
                f"{sorted(FORMAT_NUMBERS)}"
            )


MGN_INPUTS = (TensorSpec(INPUT_NAME, "float32", (3, HEIGHT, WIDTH), "NCHW"),)
MGN_OUTPUTS = (TensorSpec(OUTPUT_NAME, "float32", (EMBEDDING_WIDTH,)),)


@dataclass(frozen=True)
class Network:
    """What a network takes and gives.

    Attributes:
        inputs: in the file's order.
        outputs: likewise.
        batch_size: the only one; None for any.
        contract: what the ONNX says of its pictures; None where it does not.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    batch_size: int | None = None
    contract: Contract | None = None


def describe(
    network: bytes,
    onnx: bytes | PathLike | None,
    inputs: Sequence[TensorSpec] | None,
    outputs: Sequence[TensorSpec] | None,
) -> Network:
    """A network's ends: as given, else as the ONNX says, else MGN's.

    Args:
        network: the ONNX file's bytes; empty where there is none.
        onnx: where they come from, for messages.
        inputs: those that are known; None for none. They give what the ONNX leaves open a size.
        outputs: likewise.

    Returns:
        What it takes and gives.

    Raises:
        ModelError: the ONNX does not open, or its sizes are not fixed but for the batch.
    """
    if not network:
        return Network(tuple(inputs or MGN_INPUTS), tuple(outputs or MGN_OUTPUTS))
    name = "the ONNX" if onnx is None or isinstance(onnx, bytes) else os.fspath(onnx)
    session = open_network(network, name)
    axes = [axis for entry in session.get_inputs() for axis in entry.shape[:1]]
    fixed = {axis for axis in axes if isinstance(axis, int)}
    if len(fixed) > 1:
        raise ModelError(f"{name} has inputs with batch sizes {sorted(fixed)}, expected one")
    if inputs is None:
        inputs = [_tensor_spec(entry, name) for entry in session.get_inputs()]
    if outputs is None:
        outputs = outputs_of(session, inputs, name)
    text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    contract = None if text is None else Contract.from_json(text, source=name)
    return Network(tuple(inputs), tuple(outputs), fixed.pop() if fixed else None, contract)


def open_network(network: bytes, name: str) -> onnxruntime.InferenceSession:
    """An ONNX opened by ONNX Runtime as it stands, to be asked for its ends.

    Args:
        network: the file's bytes.
        name: what to call it in messages.

    Returns:
        The session.

    Raises:
        ModelError: ONNX Runtime does not open it.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        return onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        # ONNX Runtime raises classes of its own without a common base.
        raise ModelError(f"{name} cannot be opened: {error}") from error


def outputs_of(
    session: onnxruntime.InferenceSession, inputs: Sequence[TensorSpec], source: str
) -> list[TensorSpec]:
    """A network's outputs when it is fed such inputs; run once where the file leaves sizes open.

    Args:
        session: of the network.
        inputs: what it is fed, in the file's order.
        source: what to call it in messages.

    Returns:
        The outputs in the file's order.

    Raises:
        ModelError: an output without a batch axis or of a type that is not simulated, or a network
            that does not run.
    """
    entries = session.get_outputs()
    if all(entry.shape and _is_fixed(entry.shape[1:]) for entry in entries):
        return [_tensor_spec(entry, source) for entry in entries]
    feed = {}
    for entry, given in zip(session.get_inputs(), inputs, strict=True):
        batch = entry.shape[0] if isinstance(entry.shape[0], int) else 1
        dtype = _ONNX_DTYPES.get(_word(entry), _word(entry))
        feed[entry.name] = np.zeros((batch, *given.shape), dtype)
    try:
        results = session.run([entry.name for entry in entries], feed)
    except Exception as error:  # ONNX Runtime's classes share no other base
        raise ModelError(f"{source} does not run: {error}") from error
    for entry, result in zip(entries, results, strict=True):
        if result.ndim == 0:
            raise ModelError(f"{source} has {entry.name} of one number, expected a batch axis")
    return [
        TensorSpec(entry.name, str(result.dtype), result.shape[1:], _layout(result.shape[1:]))
        for entry, result in zip(entries, results, strict=True)
    ]


def _tensor_spec(entry: Any, source: str) -> TensorSpec:
    dtype = _ONNX_DTYPES.get(_word(entry), _word(entry))
    shape = tuple(entry.shape[1:])
    if dtype not in DTYPE_NUMBERS or not entry.shape or not _is_fixed(shape):
        raise ModelError(
            f"{source} has {entry.name} of {entry.type} {entry.shape}; expected a batch axis, "
            f"fixed other sizes and one of {sorted(DTYPE_NUMBERS)}"
        )
    return TensorSpec(entry.name, dtype, shape, _layout(shape, dtype))


def _word(entry: Any) -> str:
    word: str = entry.type.removeprefix("tensor(").removesuffix(")")
    return word


def _is_fixed(shape: Sequence[Any]) -> bool:
    return all(isinstance(size, int) for size in shape)


def _layout(shape: Sequence[int], dtype: str = "") -> str:
    if len(shape) != 3:
        return "ND"
    return "NHWC" if dtype == "uint8" and shape[2] in (1, 3, 4) else "NCHW"
