# SPDX-License-Identifier: Apache-2.0
"""A network as the chip computes it: multiplied in float16, summed in float32.

Note [float16 on the simulator], the definition; `tests/oracles/float16.py` says it in NumPy.
1. A batch norm behind a convolution that nothing else takes is part of its weights, as ATC makes
   it; any other one is a factor and a summand a channel. Both in float64, kept in float32.
2. An operator in float16 takes every float32 tensor rounded to float16, weights among them, and
   gives its result rounded, once. Between, all is float32: products are exact there, sums are
   ONNX Runtime's, in its order. Attributes and what is no data (sizes, steps) stay as they are.
3. Rounding goes to the nearest, ties to even, and keeps subnormal numbers. Beyond 65504 it gives
   65504 where the chip saturates (310, 310P, 310B, 910), else infinity from 65520 on. NaN stays
   NaN, so that it is seen; on the chip a saturating unit would give 0.
4. Which operators these are, `precision` says. Control flow (If, Loop, Scan) is one operator: its
   results are data as soon as it takes any, and are rounded; its bodies are left in float32.
It follows that what only picks or moves numbers (ReLU, maxima, slices) rounds nothing further, so
that a fused operator rounds once, wherever ATC draws its lines. An addition behind a convolution
rounds again: the chip's vector unit takes float16.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from mgn_fast.simulator.network import open_network
from mgn_fast.simulator.onnx_graph import FLOAT, FLOAT16, Graph, Node, with_outputs
from mgn_fast.simulator.precision import METADATA_KEY, Computes, Precision
from mgn_fast.types import F32Array, F64Array

LARGEST = 65504.0
_OPSET_WITH_BOUNDS_AS_INPUTS = 11
# Their results are numbers that they were given, or those with another sign.
_MOVE = {
    "Abs", "Concat", "DepthToSpace", "Expand", "Flatten", "Gather", "GatherElements",
    "GlobalMaxPool", "Identity", "Max", "MaxPool", "Min", "Neg", "Pad", "ReduceMax", "ReduceMin",
    "Relu", "Reshape", "Slice", "SpaceToDepth", "Split", "Squeeze", "Tile", "Transpose",
    "Unsqueeze", "Where",
}  # fmt: skip
# Their results are at most as large as what they were given, or 1.
_BOUNDED = (
    "AveragePool",
    "GlobalAveragePool",
    "HardSigmoid",
    "ReduceMean",
    "Sigmoid",
    "Softmax",
    "Tanh",
)
_SIZES = ("Shape", "Size")
# Float inputs that are no data, by place.
_NO_DATA = {
    "BatchNormalization": {3, 4},
    "DequantizeLinear": {1},
    "Dropout": {1},
    "QuantizeLinear": {1},
    "Resize": {1, 2},
    "Upsample": {1},
}


@dataclass(frozen=True)
class Layer:
    """One operator of the network as it is computed.

    Attributes:
        name: the operator's; its result's where it has none.
        kind: ONNX's name of it.
        computes: in which numbers.
        takes: tensors that it takes, weights aside; those that its bodies capture too.
        gives: the tensors that it gives, of the same names in the float32 network: behind its
            batch norm and its ReLU.
    """

    name: str
    kind: str
    computes: Computes
    takes: tuple[str, ...]
    gives: tuple[str, ...]


def rounded(values: F32Array, *, saturate: bool = True) -> F32Array:
    """Values as float16 has them, in float32.

    Args:
        values: float32.
        saturate: beyond 65504 is 65504; else infinity.

    Returns:
        A new array.

    Example:
        >>> rounded(np.float32([1.0004, 70000.0])).tolist()
        [1.0, 65504.0]
    """
    bounded = np.clip(values, -LARGEST, LARGEST) if saturate else values
    with np.errstate(over="ignore"):
        return bounded.astype(np.float16).astype(np.float32)


def stated_precision(content: bytes) -> Precision | None:
    """What a carried ONNX says of its precision; None where it says nothing."""
    text = Graph(content).metadata.get(METADATA_KEY)
    return None if text is None else Precision.from_json(text)


def as_computed(content: bytes) -> bytes:
    """The ONNX that gives what the chip gives, of one that a simulated .om carries.

    Args:
        content: the carried ONNX.

    Returns:
        Another one with the same inputs and outputs; itself where it states no precision.

    Raises:
        ModelError: it is no ONNX, or states what this version cannot do.
    """
    precision = stated_precision(content)
    return content if precision is None else rewritten(content, precision)[0]


def rewritten(content: bytes, precision: Precision) -> tuple[bytes, list[Layer]]:
    """The ONNX whose float32 arithmetic is the precision's, and its operators.

    Args:
        content: an ONNX file's bytes.
        precision: which operators compute in float16.

    Returns:
        The other file's bytes, and what in it gives float32, in its order.

    Raises:
        ModelError: it is no ONNX, or ONNX Runtime does not open it.
    """
    if precision.mode == "origin":
        return content, []
    graph = Graph(content)
    types = _types(content, graph)
    _fold_batch_norms(graph)
    writer = _Writer(graph, types, precision)
    return writer.written(), writer.layers


def _types(content: bytes, graph: Graph) -> dict[str, str]:
    """What every input and every operator's result holds, as ONNX Runtime infers it."""
    known = set(graph.outputs)
    made = [name for node in graph.nodes for name in node.outputs if name and name not in known]
    session = open_network(with_outputs(content, made), "the carried network")
    return {entry.name: entry.type for entry in [*session.get_inputs(), *session.get_outputs()]}


class _Writer:
    """Fills a graph with its own operators, and roundings around those in float16."""

    def __init__(self, graph: Graph, types: Mapping[str, str], precision: Precision) -> None:
        self.layers: list[Layer] = []
        self._graph = graph
        self._types = types
        self._precision = precision
        self._nodes: list[Node] = []
        self._half: dict[str, str] = {}  # tensors that are float16, and under which name
        self._reduced: set[str] = set()  # what operators in float16 made
        self._before_relu: set[str] = set()
        self._data = set(graph.inputs)  # what depends on them, sizes aside
        uses = graph.uses()
        self._only_in_relu = {
            node.inputs[0]
            for node in graph.nodes
            if node.kind == "Relu" and uses[node.inputs[0]] == 1
        }

    def written(self) -> bytes:
        for node in list(self._graph.nodes):
            self._add(node)
        self._graph.nodes = self._nodes
        return self._graph.written()

    def _is_float(self, name: str) -> bool:
        return self._types.get(name) == "tensor(float)"

    def _add(self, node: Node) -> None:
        if node.kind in _SIZES or self._data.isdisjoint(node.takes):
            self._nodes.append(node)
            return
        self._data.update(node.outputs)
        taken = [name for name in node.takes if name in self._data and self._is_float(name)]
        gives = [name for name in node.outputs if self._is_float(name)]
        after = bool(taken) and all(name in self._reduced for name in taken)
        computes = self._precision.of(node.name, node.kind, after_float16=after)
        if node.kind == "Relu" and node.inputs[0] in self._before_relu:
            self._end_in_relu(node)
            return
        if gives:
            name = node.name or gives[0]
            self.layers.append(Layer(name, node.kind, computes, tuple(taken), tuple(gives)))
        if computes is Computes.FLOAT32 or not gives:
            self._nodes.append(node)
            return
        self._take_rounded(node)
        if computes is Computes.FLOAT16:
            self._give_rounded(node, gives)
        else:
            self._nodes.append(node)

    def _take_rounded(self, node: Node) -> None:
        left = _NO_DATA.get(node.kind, set())
        for place, name in enumerate(node.inputs):
            if place not in left and (self._is_float(name) or self._graph.is_weight(name)):
                node.inputs[place] = self._as_half(name)

    def _as_half(self, name: str) -> str:
        """The name of the tensor's rounded form, which is made where it is not there yet."""
        if name not in self._half:
            self._half[name] = name
            values = self._graph.weight(name)
            if values is not None:  # once a load, not once a batch
                half = rounded(values, saturate=self._precision.saturate)
                self._half[name] = self._graph.set_weight(f"{name}.float16", half)
            elif not self._graph.is_weight(name):
                self._round(name, f"{name}.float16")
                self._half[name] = f"{name}.float16"
        return self._half[name]

    def _give_rounded(self, node: Node, gives: list[str]) -> None:
        self._nodes.append(node)
        self._reduced.update(gives)
        of_half = node.kind == "Cast" and self._types.get(node.inputs[0]) == "tensor(float16)"
        if node.kind in _MOVE or of_half:
            self._half.update({name: name for name in gives})
            return
        if gives == node.outputs and gives[0] in self._only_in_relu:
            self._before_relu.add(gives[0])
            return
        is_bounded = node.kind in _BOUNDED
        for name in gives:
            node.outputs[node.outputs.index(name)] = f"{name}.float32"
            self._round(f"{name}.float32", name, least=None if is_bounded else -LARGEST)

    def _end_in_relu(self, node: Node) -> None:
        """Makes a ReLU part of the operator before it: they round once, behind both."""
        given, gives = node.inputs[0], node.outputs[0]
        self._reduced.add(gives)
        self._round(given, gives, least=0.0)
        place = next(n for n, layer in enumerate(self.layers) if layer.gives == (given,))
        self.layers[place] = replace(self.layers[place], gives=(gives,))

    def _round(self, name: str, target: str, *, least: float | None = -LARGEST) -> None:
        """Adds what rounds a tensor; a ReLU is in it where the least is 0, no bounds where None.

        A convolution and bounds behind it are one operator to ONNX Runtime, so these cost nothing.
        """
        if self._precision.saturate and least is not None:
            self._nodes.append(self._bounded(name, f"{target}.bounded", least))
            name = f"{target}.bounded"
        elif least == 0.0:
            self._nodes.append(Node("Relu", [name], [f"{target}.relu"]))
            name = f"{target}.relu"
        for kind, given, made in (
            (FLOAT16, name, f"{target}.half"),
            (FLOAT, f"{target}.half", target),
        ):
            cast = Node("Cast", [given], [made])
            cast.set("to", kind)
            self._nodes.append(cast)
        self._half[target] = target

    def _bounded(self, name: str, target: str, least: float) -> Node:
        if self._graph.opset < _OPSET_WITH_BOUNDS_AS_INPUTS:
            node = Node("Clip", [name], [target])
            node.set("min", least)
            node.set("max", LARGEST)
            return node
        bounds = [
            self._graph.set_weight(f"float16.from{bound:g}", np.array(bound, np.float32))
            for bound in (least, LARGEST)
        ]
        return Node("Clip", [name, *bounds], [target])


def _fold_batch_norms(graph: Graph) -> None:
    """Puts batch norms into the convolutions before them; others become factor and summand."""
    uses = graph.uses()
    makers = {node.outputs[0]: node for node in graph.nodes if node.kind == "Conv"}
    folded: set[int] = set()
    for norm in graph.nodes:
        statistics = [graph.weight(name) for name in norm.inputs[1:]]
        if norm.kind != "BatchNormalization" or len([n for n in norm.outputs if n]) != 1:
            continue
        if len(statistics) != 4 or any(values is None for values in statistics):
            continue
        scale, shift, mean, variance = (np.asarray(v, np.float64) for v in statistics)
        factor = scale / np.sqrt(variance + norm.number("epsilon", 1e-5))
        convolution = makers.get(norm.inputs[0])
        if (
            convolution is not None
            and uses[norm.inputs[0]] == 1
            and _has_weights(graph, convolution)
        ):
            _fold(graph, convolution, factor, shift - mean * factor)
            convolution.outputs[0] = norm.outputs[0]
            folded.add(id(norm))
            continue
        values = (factor, shift - mean * factor, np.zeros_like(mean), np.ones_like(mean))
        names = ("factor", "summand", "mean", "variance")
        norm.inputs[1:] = [
            graph.set_weight(f"{norm.outputs[0]}.{name}", value.astype(np.float32))
            for name, value in zip(names, values, strict=True)
        ]
        norm.set("epsilon", 0.0)
    graph.nodes = [node for node in graph.nodes if id(node) not in folded]


def _has_weights(graph: Graph, node: Node) -> bool:
    return all(graph.weight(name) is not None for name in node.inputs[1:] if name)


def _fold(graph: Graph, node: Node, factor: F64Array, summand: F64Array) -> None:
    """Multiplies a convolution's results by a factor a channel, and adds a summand."""
    weight, *bias = (graph.weight(name) for name in node.inputs[1:] if name)
    assert weight is not None
    wide = weight * factor.reshape(-1, *[1] * (weight.ndim - 1))
    if bias and bias[0] is not None:
        summand = bias[0] * factor + summand
    names = [f"{node.outputs[0]}.folded.{what}" for what in ("weight", "bias")]
    for name, values in zip(names, (wide, summand), strict=True):
        graph.set_weight(name, values.astype(np.float32))
    node.inputs[1:] = names
