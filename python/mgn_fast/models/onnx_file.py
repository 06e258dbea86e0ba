# SPDX-License-Identifier: Apache-2.0
"""What an ONNX file says of itself: inputs, outputs, nodes, metadata; without its weights.

Reads the protobuf wire format directly: neither the onnx package, which only `export` needs, nor a
runtime that would load hundreds of megabytes. Nothing in a file is trusted.
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path

from mgn_fast.common.files import read_limited
from mgn_fast.errors import ModelError
from mgn_fast.models import wire
from mgn_fast.models.contract import METADATA_KEY, Contract
from mgn_fast.types import PathLike

DTYPES = {1: "float32", 2: "uint8", 3: "int8", 6: "int32", 7: "int64", 10: "float16", 11: "float64"}
MAX_BYTES = (1 << 31) - 1  # of a protobuf message
_EXTERNAL = 1  # TensorProto.DataLocation


@dataclass(frozen=True)
class OnnxTensor:
    """An input or output of the graph: name, element type and shape.

    Attributes:
        name: its name.
        dtype: NumPy's name of the element type; "" where this reader does not know it.
        shape: a size, or the name of one that the caller chooses ("" where it has no name).
    """

    name: str
    dtype: str
    shape: tuple[int | str, ...]


@dataclass(frozen=True)
class OnnxNode:
    """An operator in the graph; those inside control flow are not listed."""

    name: str
    kind: str
    domain: str
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class OnnxFile:
    """What an ONNX file says of itself, without its weights.

    Attributes:
        inputs: what the caller feeds: weights, which old files list too, are left out.
        outputs: in the file's order.
        nodes: in the file's order.
        opsets: version by domain; the default domain is "".
        contract: how pictures become the input; None where the file does not say.
        has_external_data: some weights are in other files.
        sha256: of the whole file; "" where nobody asked for it.
    """

    inputs: tuple[OnnxTensor, ...]
    outputs: tuple[OnnxTensor, ...]
    nodes: tuple[OnnxNode, ...]
    opsets: dict[str, int]
    contract: Contract | None
    has_external_data: bool
    sha256: str = ""


def metadata_of(path: Path) -> str:
    """Words for where an .onnx file's contract stands."""
    return f"the metadata of {str(path)!r}"


def with_contract(content: bytes, contract: Contract) -> bytes:
    """An .onnx file's bytes with another contract in the metadata; all else stays as it is.

    Args:
        content: of a whole file.
        contract: takes the place of the one that is there, if there is one.

    Returns:
        The new file's bytes.

    Raises:
        ValueError: the bytes are no protobuf message.
    """
    view, kept, at = memoryview(content), bytearray(), 0
    for number, value, end in wire.spans(view):
        held = (
            number == 14
            and wire.text(dict(wire.fields(wire.message(value))).get(1, b"")) == METADATA_KEY
        )
        if not held:
            kept += view[at:end]
        at = end
    entry = wire.entry(1, METADATA_KEY.encode()) + wire.entry(2, contract.to_json().encode())
    return bytes(kept) + wire.entry(14, entry)


def read_onnx(path: PathLike) -> OnnxFile:
    """An ONNX file's inputs, outputs, nodes and metadata; its weights are skipped.

    Args:
        path: an .onnx file.

    Returns:
        What it says of itself.

    Raises:
        ModelError: the file cannot be read, or is no ONNX model, or holds a contract that this
            version cannot keep.
    """
    content = read_bytes(path)
    described = described_in(content, path)
    return dataclasses.replace(described, sha256=hashlib.sha256(content).hexdigest())


def read_bytes(path: PathLike) -> bytes:
    """An .onnx file's bytes; ModelError where it cannot be read."""
    # Read, not mapped: whoever truncates a mapped file ends the process that looks at it.
    return read_limited(path, MAX_BYTES, ModelError, what="model")


def described_in(content: bytes, path: PathLike) -> OnnxFile:
    """As `read_onnx`, of bytes that are read already, and without their hash.

    Args:
        content: of the whole file.
        path: the file, for messages and for the contract's origin.

    Returns:
        What they say of themselves.

    Raises:
        ModelError: as `read_onnx`.
    """
    try:
        return _model(memoryview(content), Path(path))
    except ModelError:
        raise
    except (ValueError, KeyError, RecursionError) as error:
        raise ModelError(f"{str(path)!r} is no ONNX model: {error}") from error


def _model(view: memoryview, path: Path) -> OnnxFile:
    graph: memoryview | None = None
    opsets: dict[str, int] = {}
    metadata: dict[str, str] = {}
    for number, value in wire.fields(view):
        if number == 7:
            graph = wire.message(value)
        elif number == 8:
            entry = dict(wire.fields(wire.message(value)))
            opsets[wire.text(entry.get(1, b""))] = wire.integer(entry.get(2, 0))
        elif number == 14:
            entry = dict(wire.fields(wire.message(value)))
            metadata[wire.text(entry.get(1, b""))] = wire.text(entry.get(2, b""))
    if graph is None:
        raise ValueError("it has no graph")
    text = metadata.get(METADATA_KEY)
    contract = None if text is None else Contract.from_json(text, source=metadata_of(path))
    return _graph(graph, opsets, contract)


def _graph(view: memoryview, opsets: dict[str, int], contract: Contract | None) -> OnnxFile:
    inputs, outputs, nodes = [], [], []
    weights: set[str] = set()
    has_external_data = False
    for number, value in wire.fields(view):
        if number == 1:
            nodes.append(_node(wire.message(value)))
        elif number == 5:
            tensor = dict(wire.fields(wire.message(value)))
            weights.add(wire.text(tensor.get(8, b"")))
            has_external_data |= tensor.get(14) == _EXTERNAL
        elif number == 11:
            inputs.append(_tensor(wire.message(value)))
        elif number == 12:
            outputs.append(_tensor(wire.message(value)))
    fed = tuple(tensor for tensor in inputs if tensor.name not in weights)
    if not (nodes and fed and outputs):
        raise ValueError(
            f"its graph has {len(nodes)} nodes, {len(fed)} inputs and {len(outputs)} outputs"
        )
    return OnnxFile(fed, tuple(outputs), tuple(nodes), opsets, contract, has_external_data)


def _node(view: memoryview) -> OnnxNode:
    name, kind, domain = "", "", ""
    outputs = []
    for number, value in wire.fields(view):
        if number == 2:
            outputs.append(wire.text(value))
        elif number == 3:
            name = wire.text(value)
        elif number == 4:
            kind = wire.text(value)
        elif number == 7:
            domain = wire.text(value)
    return OnnxNode(name, kind, domain, tuple(outputs))


def _tensor(view: memoryview) -> OnnxTensor:
    """A ValueInfoProto: name, and a type that is a tensor's with element type and shape."""
    entry = dict(wire.fields(view))
    kind = dict(wire.fields(wire.message(entry.get(2, b""))))
    tensor = dict(wire.fields(wire.message(kind.get(1, b""))))
    shape: list[int | str] = []
    for number, value in wire.fields(wire.message(tensor.get(2, b""))):
        if number == 1:
            size = dict(wire.fields(wire.message(value)))
            shape.append(wire.integer(size[1]) if 1 in size else wire.text(size.get(2, b"")))
    dtype = DTYPES.get(wire.integer(tensor.get(1, 0)), "")
    return OnnxTensor(wire.text(entry.get(1, b"")), dtype, tuple(shape))
