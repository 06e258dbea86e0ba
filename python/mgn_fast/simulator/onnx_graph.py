# SPDX-License-Identifier: Apache-2.0
"""An ONNX file's graph, to be changed and written again; all that is not named here stays as it is.

The onnx package would do, but a wheel's simulator has to run without it. Of graphs inside control
flow only the names that they take are read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from mgn_fast.errors import ModelError
from mgn_fast.models import wire
from mgn_fast.types import AnyArray, F32Array

# Elements of TensorProto.data_type.
FLOAT, FLOAT16, INT64 = 1, 10, 7
_GRAPH, _OPSET, _METADATA = 7, 8, 14  # of ModelProto
_NODE, _WEIGHT, _INPUT, _OUTPUT = 1, 5, 11, 12  # of GraphProto
_BODY, _BODIES = 6, 11  # of AttributeProto


@dataclass
class Node:
    """An operator.

    Attributes:
        kind: ONNX's name of it.
        inputs: names of tensors, "" for one that is left out.
        outputs: likewise.
        name: its own.
        domain: "" for ONNX's.
        attributes: by name, as they stand in the file.
        captured: names that the graphs in its attributes take, their own tensors among them.
    """

    kind: str
    inputs: list[str]
    outputs: list[str]
    name: str = ""
    domain: str = ""
    attributes: dict[str, bytes] = field(default_factory=dict)
    captured: tuple[str, ...] = ()

    @property
    def takes(self) -> list[str]:
        """All names that it needs: its inputs, and what its graphs capture."""
        return [*self.inputs, *self.captured]

    def number(self, name: str, default: float) -> float:
        """An attribute that is a float."""
        found = dict(wire.fields(memoryview(self.attributes.get(name, b"")))).get(2)
        return default if found is None else float(np.frombuffer(wire.message(found), "<f4")[0])

    def set(self, name: str, value: float) -> None:
        """Sets an attribute: an int, or a float."""
        content = wire.entry(1, name.encode())
        if isinstance(value, int):
            content += b"\x18" + wire.varint(value) + b"\xa0\x01\x02"  # AttributeProto.i, INT
        else:
            content += b"\x15" + np.float32(value).astype("<f4").tobytes() + b"\xa0\x01\x01"
        self.attributes[name] = content

    def written(self) -> bytes:
        """The bytes of its NodeProto."""
        parts = [wire.entry(1, name.encode()) for name in self.inputs]
        parts += [wire.entry(2, name.encode()) for name in self.outputs]
        if self.name:
            parts.append(wire.entry(3, self.name.encode()))
        parts.append(wire.entry(4, self.kind.encode()))
        parts += [wire.entry(5, content) for content in self.attributes.values()]
        if self.domain:
            parts.append(wire.entry(7, self.domain.encode()))
        return b"".join(parts)


class Graph:
    """A file's operators and weights; Constant nodes that hold a tensor are weights too.

    Attributes:
        nodes: in the file's order.
        inputs: what the caller feeds.
        outputs: names, in the file's order.
        metadata: of the file.
        opset: of ONNX's own operators.
    """

    def __init__(self, content: bytes) -> None:
        """Reads a file's bytes; ModelError where they are no ONNX."""
        self.nodes: list[Node] = []
        self.inputs: list[str] = []
        self.outputs: list[str] = []
        self.metadata: dict[str, str] = {}
        self.opset = 1
        self._weights: dict[str, memoryview | bytes] = {}
        self._model_rest: list[bytes] = []
        self._graph_rest: list[bytes] = []
        self._listed: set[str] = set()
        try:
            self._read(content)
        except (ValueError, KeyError, RecursionError) as error:
            raise ModelError(f"the carried network is no ONNX model: {error}") from error

    def _read(self, content: bytes) -> None:
        view, at = memoryview(content), 0
        for number, value, end in wire.spans(view):
            if number == _GRAPH:
                self._read_graph(wire.message(value))
            else:
                self._model_rest.append(bytes(view[at:end]))
            if number == _METADATA:
                item = dict(wire.fields(wire.message(value)))
                self.metadata[wire.text(item.get(1, b""))] = wire.text(item.get(2, b""))
            if number == _OPSET:
                item = dict(wire.fields(wire.message(value)))
                if wire.text(item.get(1, b"")) in ("", "ai.onnx"):
                    self.opset = wire.integer(item.get(2, 1))
            at = end
        self._listed = set(self.inputs)  # old files list weights too, and then need them
        self.inputs = [name for name in self.inputs if name not in self._weights]

    def _read_graph(self, view: memoryview) -> None:
        at = 0
        for number, value, end in wire.spans(view):
            if number == _NODE:
                self._add(_node(wire.message(value)))
            elif number == _WEIGHT:
                tensor = wire.message(value)
                self._weights[_name(tensor, 8)] = tensor
            else:
                self._graph_rest.append(bytes(view[at:end]))
            if number in (_INPUT, _OUTPUT):
                names = self.inputs if number == _INPUT else self.outputs
                names.append(_name(wire.message(value), 1))
            at = end

    def _add(self, node: Node) -> None:
        held = node.attributes.get("value") if node.kind == "Constant" else None
        tensor = dict(wire.fields(memoryview(held or b""))).get(5)
        if tensor is None:
            self.nodes.append(node)
        else:  # the last name that a message has is in force
            renamed = bytes(wire.message(tensor)) + wire.entry(8, node.outputs[0].encode())
            self._weights[node.outputs[0]] = renamed

    def uses(self) -> Counter[str]:
        """How often each tensor is taken, by operators at any depth or as an output."""
        counted = Counter(name for node in self.nodes for name in node.takes)
        counted.update(self.outputs)
        return counted

    def is_weight(self, name: str) -> bool:
        """True for a tensor that the file holds."""
        return name in self._weights

    def holds(self, kind: int) -> bool:
        """True if any weight is of this kind, an element of TensorProto.data_type."""
        tensors = (dict(wire.fields(memoryview(one))) for one in self._weights.values())
        return any(tensor.get(2) == kind for tensor in tensors)

    def weight(self, name: str) -> F32Array | None:
        """A float32 weight's values; None for what is none. ModelError where its bytes are cut."""
        if name not in self._weights:
            return None
        try:
            return _floats(self._weights[name])
        except ValueError as error:
            raise ModelError(f"the carried network is no ONNX model: {error}") from error

    def set_weight(self, name: str, values: AnyArray) -> str:
        """Adds or replaces a float32 weight; gives its name."""
        dims = b"".join(b"\x08" + wire.varint(size) for size in values.shape)
        raw = np.ascontiguousarray(values, "<f4").tobytes()
        self._weights[name] = b"".join(
            (dims, b"\x10\x01", wire.entry(8, name.encode()), wire.entry(9, raw))
        )
        return name

    def written(self) -> bytes:
        """The file's bytes."""
        used = self.uses().keys() | self._listed
        parts: list[bytes | memoryview] = []
        for node in self.nodes:
            parts.append(wire.entry(_NODE, node.written()))
        for name, tensor in self._weights.items():
            if name in used:  # hundreds of megabytes, copied once, below
                parts += [wire.head(_WEIGHT, len(tensor)), tensor]
        parts += self._graph_rest
        graph = wire.head(_GRAPH, sum(map(len, parts)))
        return b"".join([*self._model_rest, graph, *parts])


def with_outputs(content: bytes, names: Iterable[str]) -> bytes:
    """An ONNX file's bytes with more of its tensors as outputs: protobuf joins repeated messages.

    Args:
        content: of the file.
        names: of tensors that are no outputs yet.

    Returns:
        The new file's bytes. A runtime finds types and sizes out itself.
    """
    added = b"".join(wire.entry(_OUTPUT, wire.entry(1, name.encode())) for name in names)
    return content + wire.entry(_GRAPH, added) if added else content


def with_metadata(content: bytes, entries: Mapping[str, str]) -> bytes:
    """An ONNX file's bytes with more metadata."""
    for key, value in entries.items():
        item = wire.entry(1, key.encode()) + wire.entry(2, value.encode())
        content += wire.entry(_METADATA, item)
    return content


def _node(view: memoryview) -> Node:
    node = Node("", [], [])
    captured: dict[str, None] = {}
    for number, value in wire.fields(view):
        if number == 1:
            node.inputs.append(wire.text(value))
        elif number == 2:
            node.outputs.append(wire.text(value))
        elif number == 3:
            node.name = wire.text(value)
        elif number == 4:
            node.kind = wire.text(value)
        elif number == 5:
            attribute = wire.message(value)
            node.attributes[_name(attribute, 1)] = bytes(attribute)
            captured.update(dict.fromkeys(_captured(attribute)))
        elif number == 7:
            node.domain = wire.text(value)
    node.captured = tuple(captured)
    return node


def _captured(attribute: memoryview) -> Iterator[str]:
    """Names that the operators in an attribute's graphs take or return."""
    for number, body in wire.fields(attribute):
        if number not in (_BODY, _BODIES):
            continue
        for part, value in wire.fields(wire.message(body)):
            if part == _NODE:
                yield from _node(wire.message(value)).takes
            elif part == _OUTPUT:
                yield _name(wire.message(value), 1)


def _name(view: memoryview, number: int) -> str:
    found: wire.Field | bytes = b""
    for key, value in wire.fields(view):
        if key == number:
            found = value
    return wire.text(found)


def _floats(tensor: memoryview | bytes) -> F32Array | None:
    """The values of a TensorProto; None where they are no float32."""
    dims: list[int] = []
    data: AnyArray | None = None
    for number, value in wire.fields(memoryview(tensor)):
        if number == 2 and wire.integer(value) != FLOAT:
            return None
        if number == 1:
            whole = [value] if isinstance(value, int) else wire.numbers(value)
            dims += [wire.integer(size) for size in whole]
        elif number in (4, 9):
            part = np.frombuffer(wire.message(value), "<f4")
            data = part if data is None or number == 9 else np.concatenate([data, part])
    if data is None:
        data = np.zeros(0, np.float32)
    return data.reshape(dims)
