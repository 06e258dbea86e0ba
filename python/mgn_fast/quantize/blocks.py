# SPDX-License-Identifier: Apache-2.0
"""An ONNX graph in int8: which blocks can be, the range of every tensor, and the rewriting.

Writes the form that runtimes fuse into integer kernels: a pair QuantizeLinear, DequantizeLinear at
every tensor that is rounded. Imports onnx, so nothing may import it before onnx is needed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, shape_inference, version_converter

from mgn_fast.errors import ModelError
from mgn_fast.quantize.equalising import equalise
from mgn_fast.quantize.folding import (
    fold_batch_norms,
    keep_weights_as_initializers,
    name_nodes,
)
from mgn_fast.quantize.rewriting import Ranges, Rounding, write_nodes
from mgn_fast.quantize.watching import extremes
from mgn_fast.types import AnyArray

# The first opset whose quantising operators take one scale per channel, and the oldest IR version
# that it allows, so that old runtimes read the file.
OLDEST_OPSET = 13
_IR_VERSION = 7
# How many multiplications a value costs that a float32 block writes among int8 ones, for it is
# converted there and back. Of one block after the other on a Zen 5, within a factor of two.
_WORK_OF_A_VALUE = 300
# Of the pictures' own least and largest values: a range that holds every value of every picture
# spends its levels on a few odd ones. On two sets of drawn people the cosine's mean rose from 0.985
# to 0.988, its minimum from 0.978 to 0.979 and more; 0.95 cut too much off one picture (0.972).
_QUANTILE = 0.98
# Activations that are part of the node before them: rounding to a range cuts as they do.
_CUTTING = ("Relu", "Clip")
_DEFAULT_DOMAIN = ("", "ai.onnx")


@dataclass(frozen=True)
class Block:
    """Layers that are int8 together or not at all: a residual block, or a single convolution.

    Attributes:
        name: of the block's sum, or of the convolution.
        nodes: its convolutions and its sum.
        multiplications: of one picture.
        work: what it costs in float32 among int8 ones, in multiplications.
    """

    name: str
    nodes: tuple[str, ...]
    multiplications: int
    work: int


class FloatGraph:
    """A float32 model that can be written with any of its blocks in int8.

    Args:
        path: an .onnx file.
        picture_shape: of one picture, for sizes that the file leaves free; empty for none.

    Attributes:
        blocks: in the graph's order. A convolution whose result no int8 node could take is in none
            of them: it would be rounded for nothing.
        multiplications: of all convolutions, of one picture.

    Raises:
        ModelError: the file's operators are too old to be written as those of opset 13.
    """

    def __init__(self, path: Path, picture_shape: Sequence[int] = ()) -> None:
        model = _recent(onnx.load(path), path)
        model.ir_version = max(model.ir_version, _IR_VERSION)
        name_nodes(model.graph)
        keep_weights_as_initializers(model.graph)
        fold_batch_norms(model.graph)
        self._model = model
        self._weights = {entry.name: entry for entry in model.graph.initializer}
        self._users: dict[str, list[onnx.NodeProto]] = {}
        for node in model.graph.node:
            for name in node.input:
                self._users.setdefault(name, []).append(node)
        self._shapes = _shapes(model, picture_shape)
        self.blocks = [_block(name, nodes, self._shapes) for name, nodes in self._groups().items()]
        convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
        self.multiplications = sum(_multiplications(node, self._shapes) for node in convolutions)
        self._prepared: dict[tuple[str, float], tuple[AnyArray, ...]] = {}

    def equalise(
        self, batches: Iterable[AnyArray], scratch: Path, threads: int | None = None
    ) -> None:
        """Brings channels before depthwise convolutions to one size; before `ranges`, as it is."""
        equalise(self._model, batches, scratch, threads)
        self._weights = {entry.name: entry for entry in self._model.graph.initializer}

    def ranges(
        self, batches: Iterable[AnyArray], scratch: Path, threads: int | None = None
    ) -> Ranges:
        """The range of every tensor that may be rounded, over some pictures.

        Args:
            batches: the pictures, as the input takes them.
            scratch: a directory for a file as large as the model.
            threads: to compute with; None is one per core.

        Returns:
            Least and largest value by the tensor's name: those that 98 % of the pictures stay
            within, but all of them for what goes into the network.
        """
        rounding = self._rounding(self.blocks)
        tensors = {name: len(self._shapes[name]) for name in sorted(rounding.tensors)}
        found = extremes(self._model, tensors, batches, scratch, threads=threads)
        ranges = {}
        for tensor, (least, largest) in found.items():
            share = _QUANTILE if tensor in rounding.results else 1.0
            ranges[tensor] = (
                float(np.quantile(least, 1 - share)),
                float(np.quantile(largest, share)),
            )
        return ranges

    def write(
        self,
        path: Path,
        ranges: Ranges,
        kept: Sequence[Block],
        metadata: Mapping[str, str],
    ) -> None:
        """Writes the model with all blocks in int8 but the kept ones.

        Args:
            path: the file to write.
            ranges: as `ranges` gave them.
            kept: stays float32.
            metadata: is added to the file's, or takes the place of what has the same key there.
        """
        names = {block.name for block in kept}
        rounding = self._rounding([block for block in self.blocks if block.name not in names])
        model = _frame(self._model)
        write_nodes(model.graph, self._model.graph, rounding, ranges, self._prepared)
        said = {entry.key: entry.value for entry in model.metadata_props} | dict(metadata)
        helper.set_model_props(model, said)
        onnx.save_model(model, path)

    def _groups(self) -> dict[str, list[onnx.NodeProto]]:
        """Convolutions of each block, with its sum if it is a residual one, by the last node."""
        groups: dict[str, list[onnx.NodeProto]] = {}
        for node in self._model.graph.node:
            if node.op_type != "Conv" or not self._can_round(node):
                continue
            path = self._path_to_sum(node)
            following = self._users.get(self._result(path[-1]), [])
            if any(user.op_type in ("Conv", "Add", "MaxPool") for user in following):
                group = groups.setdefault(path[-1].name, [])
                group += [member for member in path if member not in group]
        return groups

    def _path_to_sum(self, node: onnx.NodeProto) -> list[onnx.NodeProto]:
        """The nodes from a convolution to its residual block's sum; where there is none, it alone.

        A block's input goes two ways, so what lies before it is no part of it.
        """
        path = [node]
        while path[-1].op_type == "Conv":
            users = self._users.get(self._result(path[-1]), [])
            if len(users) != 1 or not self._can_round(users[0]):
                return [node]
            path.append(users[0])
        return path

    def _can_round(self, node: onnx.NodeProto) -> bool:
        """True for a convolution with constant weights, and for a sum of two computed tensors."""
        constant = [name in self._weights for name in node.input]
        if node.op_type == "Conv":
            weights = [self._weights[name] for name in node.input[1:] if name in self._weights]
            floats = all(entry.data_type == onnx.TensorProto.FLOAT for entry in weights)
            known = self._are_known(node.input[0], self._result(node))
            return all(constant[1:]) and floats and known and not self._is_pooled(node)
        known = self._are_known(*node.input, self._result(node))
        return node.op_type == "Add" and not any(constant) and known

    def _are_known(self, *tensors: str) -> bool:
        return all(name in self._shapes for name in tensors)

    def _is_pooled(self, node: onnx.NodeProto) -> bool:
        """One value a channel, as in gates: int8 would save nothing there, and cost accuracy."""
        return all(size == 1 for size in self._shapes[node.output[0]][1:])

    def _result(self, node: onnx.NodeProto) -> str:
        """A node's output, or the output of the Relu or Clip that alone takes it."""
        users = self._users.get(node.output[0], [])
        is_cut = len(users) == 1 and users[0].op_type in _CUTTING
        return str(users[0].output[0] if is_cut else node.output[0])

    def _rounding(self, int8: Sequence[Block]) -> Rounding:
        """What to round if these blocks are int8. Pooling follows what it pools."""
        names = {name for block in int8 for name in block.nodes}
        nodes, results, tensors = set(), set(), set()
        same: dict[str, str] = {}
        for node in self._model.graph.node:
            pools = node.op_type == "MaxPool" and node.input[0] in results
            if not (pools or node.name in names):
                continue
            nodes.add(node.name)
            results.add(self._result(node))
            tensors.update(node.input if node.op_type == "Add" else node.input[:1])
            if pools:
                same[self._result(node)] = node.input[0]
        return Rounding(nodes, results, tensors | results, same)


def _frame(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy of a model without its nodes and weights."""
    frame = onnx.ModelProto(
        ir_version=model.ir_version,
        opset_import=model.opset_import,
        producer_name=model.producer_name,
        producer_version=model.producer_version,
        metadata_props=model.metadata_props,
    )
    frame.graph.name = model.graph.name
    weights = {entry.name for entry in model.graph.initializer}  # old files list them as inputs
    frame.graph.input.extend(entry for entry in model.graph.input if entry.name not in weights)
    frame.graph.output.extend(model.graph.output)
    return frame


def _recent(model: onnx.ModelProto, path: Path) -> onnx.ModelProto:
    """The model in an opset that can be quantised."""
    opset = next(entry.version for entry in model.opset_import if entry.domain in _DEFAULT_DOMAIN)
    if opset >= OLDEST_OPSET:
        return model
    try:
        return version_converter.convert_version(model, OLDEST_OPSET)
    except Exception as error:  # what onnx's C++ throws has no other base
        raise ModelError(
            f"{path} is of opset {opset}, which onnx cannot turn into {OLDEST_OPSET}: {error}; "
            f"expected a model exported with opset {OLDEST_OPSET} or later"
        ) from error


def _shapes(model: onnx.ModelProto, picture_shape: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor for one picture, by name; 0 for a size that is not known."""
    sized = onnx.ModelProto()
    sized.CopyFrom(model)
    weights = {entry.name for entry in model.graph.initializer}
    (entry,) = (entry for entry in sized.graph.input if entry.name not in weights)
    sizes = entry.type.tensor_type.shape.dim
    for size, said in zip(list(sizes)[1:], picture_shape, strict=False):
        size.dim_value = size.dim_value or said
    graph = shape_inference.infer_shapes(sized).graph
    shapes = {
        entry.name: tuple(size.dim_value for size in entry.type.tensor_type.shape.dim[1:])
        for entry in (*graph.input, *graph.value_info, *graph.output)
    }
    return shapes | {entry.name: tuple(entry.dims) for entry in graph.initializer}


def _multiplications(node: onnx.NodeProto, shapes: dict[str, tuple[int, ...]]) -> int:
    if node.op_type != "Conv":
        return 0
    return math.prod(shapes.get(node.output[0], ())) * math.prod(shapes[node.input[1]][1:])


def _block(name: str, nodes: Sequence[onnx.NodeProto], shapes: dict[str, tuple[int, ...]]) -> Block:
    multiplications = sum(_multiplications(node, shapes) for node in nodes)
    values = sum(math.prod(shapes.get(node.output[0], ())) for node in nodes)
    work = multiplications + _WORK_OF_A_VALUE * values
    return Block(name, tuple(node.name for node in nodes), multiplications, max(1, work))
