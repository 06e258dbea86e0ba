# SPDX-License-Identifier: Apache-2.0
"""MGN's ONNX graph, written node by node from arrays: no exporter chooses opset, names or shape.

Uses only operators that ATC knows, batch norms folded into the convolutions. Imports onnx, so
nothing may import it before onnx is needed; knows nothing of torch.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from mgn_fast.models.contract import (
    DEVIATION,
    HEIGHT,
    INPUT_NAME,
    MEAN,
    OUTPUT_NAME,
    WIDTH,
    InputKind,
    OutputKind,
)
from mgn_fast.models.parts import PARTS, WHOLE_PARTS
from mgn_fast.types import AnyArray, F32Array

OLDEST_OPSET = 11

# PyTorch's batch norms add it to the variance; the state dict does not carry it.
_EPSILON = 1e-5
# The smallest normal float16: a divisor that stays above zero on devices that compute in float16.
_TINY = np.float32(2.0**-14)


@dataclass(frozen=True)
class GraphForm:
    """Choices that decide which graph is written: opset, batch axis, input and outputs.

    Attributes:
        opset: of the default operator set.
        batch_size: None leaves the batch axis dynamic, under the name "batch".
        outputs: "embedding" (the feature alone) or "all" (the recipe's twelve).
        input: "float32" (NCHW, normalised) or "uint8" (NHWC RGB, normalised in the graph).
        fuse_mirror: the graph runs picture and mirror, adds and L2-normalises.
    """

    opset: int
    batch_size: int | None = None
    outputs: OutputKind = "embedding"
    input: InputKind = "float32"
    fuse_mirror: bool = False


class _Writer:
    """Collects nodes and the arrays they need. Every method that adds a node returns its output."""

    def __init__(self, parameters: Mapping[str, AnyArray], opset: int) -> None:
        self.parameters = parameters
        self.opset = opset
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def constant(self, name: str, values: Any) -> str:
        self.initializers.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def node(self, kind: str, name: str, inputs: Sequence[str], **attributes: Any) -> str:
        # Module paths have dots; ATC's options split names at punctuation, so they get none.
        name = name.replace(".", "_")
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def reduction(self, kind: str, name: str, x: str, axis: int, *, keep: bool) -> str:
        """ReduceSum or ReduceMax over an axis: an attribute in old opsets, an input in new ones."""
        if self.opset < {"ReduceSum": 13, "ReduceMax": 18}[kind]:
            return self.node(kind, name, [x], axes=[axis], keepdims=int(keep))
        axes = self.constant(f"{name}.axes", np.array([axis]))
        return self.node(kind, name, [x, axes], keepdims=int(keep))

    def split(self, names: Sequence[str], x: str, size: int) -> None:
        """Cuts axis 1 into pieces of one size, which opset 13 moved from attribute to input."""
        sizes = [size] * len(names)
        inputs, attributes = [x], cast(dict[str, Any], {"axis": 1, "split": sizes})
        if self.opset >= 13:
            inputs, attributes = [x, self.constant("split.sizes", np.array(sizes))], {"axis": 1}
        self.nodes.append(helper.make_node("Split", inputs, names, "split", **attributes))

    def conv(self, name: str, norm: str, x: str, *, stride: int = 1) -> str:
        """A convolution with the batch norm behind it, padded so that only its stride shrinks."""
        weight, bias = folded(self.parameters, name, norm)
        inputs = [
            x,
            self.constant(f"{name}.weight", weight),
            self.constant(f"{name}.bias", bias),
        ]
        kernel = weight.shape[2]
        return self.node(
            "Conv",
            name,
            inputs,
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[kernel // 2] * 4,
        )

    def relu(self, x: str) -> str:
        return self.node("Relu", f"{x}_relu", [x])

    def block(self, prefix: str, x: str, *, stride: int = 1) -> str:
        """A residual block; its shortcut is projected where the parameters have a projection."""
        branch = self.relu(self.conv(f"{prefix}.conv1", f"{prefix}.bn1", x))
        branch = self.relu(self.conv(f"{prefix}.conv2", f"{prefix}.bn2", branch, stride=stride))
        branch = self.conv(f"{prefix}.conv3", f"{prefix}.bn3", branch)
        shortcut = f"{prefix}.downsample"
        if f"{shortcut}.0.weight" in self.parameters:
            x = self.conv(f"{shortcut}.0", f"{shortcut}.1", x, stride=stride)
        return self.relu(self.node("Add", f"{prefix}.add", [branch, x]))

    def blocks(self, prefix: str, count: int, x: str, *, stride: int = 1) -> str:
        """A row of residual blocks, of which the first has the stride."""
        for index in range(count):
            x = self.block(f"{prefix}.{index}", x, stride=stride if index == 0 else 1)
        return x

    def pool(self, name: str, x: str, height: int, width: int) -> str:
        """The maximum of each tile; the tiles do not overlap."""
        size = [height, width]
        return self.node("MaxPool", name, [x], kernel_shape=size, strides=size)


def folded(parameters: Mapping[str, AnyArray], conv: str, norm: str) -> tuple[F32Array, F32Array]:
    """A convolution's weight and bias with the batch norm behind it folded in, in float64.

    Args:
        parameters: arrays by state-dict name.
        conv: the convolution's name; it has no bias of its own.
        norm: the batch norm's name.

    Returns:
        float32 weight [out, in, H, W] and bias [out].
    """
    gamma, beta, mean, variance = (
        parameters[f"{norm}.{field}"].astype(np.float64)
        for field in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gamma / np.sqrt(variance + _EPSILON)
    weight = parameters[f"{conv}.weight"] * scale[:, None, None, None]
    return weight.astype(np.float32), (beta - mean * scale).astype(np.float32)


def build_model(
    parameters: Mapping[str, AnyArray], form: GraphForm, metadata: Mapping[str, str], version: str
) -> onnx.ModelProto:
    """MGN as an ONNX model in memory, with the given parameters and form.

    Args:
        parameters: arrays by state-dict name, as `checkpoint.read_checkpoint` gives them.
        form: which graph; its values are taken as checked.
        metadata: goes into the file's metadata.
        version: of this package, for the file's producer fields.

    Returns:
        The model. Its IR version is the oldest that its opset allows, so that old runtimes read it.
    """
    writer = _Writer(parameters, form.opset)
    x = _prepared(writer, form)
    if form.fuse_mirror:
        _fused(writer, _features(writer, x, "both_features"), form.batch_size)
    else:
        _features(writer, x, OUTPUT_NAME)
    if form.outputs == "all":
        _parts_and_logits(writer)
    graph = helper.make_graph(
        writer.nodes, "mgn", [_input(form)], _outputs(parameters, form), writer.initializers
    )
    opset = helper.make_opsetid("", form.opset)
    model: onnx.ModelProto = helper.make_model(
        graph,
        opset_imports=[opset],
        ir_version=helper.find_min_ir_version_for([opset]),
        producer_name="mgn_fast",
        producer_version=version,
    )
    helper.set_model_props(model, dict(metadata))
    return model


def _part_width(parameters: Mapping[str, AnyArray]) -> int:
    return int(parameters["reduction.0.weight"].shape[0])


def _batch(form: GraphForm) -> int | str:
    return "batch" if form.batch_size is None else form.batch_size


def _input(form: GraphForm) -> onnx.ValueInfoProto:
    if form.input == "uint8":
        shape = [_batch(form), HEIGHT, WIDTH, 3]
        return helper.make_tensor_value_info(INPUT_NAME, TensorProto.UINT8, shape)
    shape = [_batch(form), 3, HEIGHT, WIDTH]
    return helper.make_tensor_value_info(INPUT_NAME, TensorProto.FLOAT, shape)


def _outputs(parameters: Mapping[str, AnyArray], form: GraphForm) -> list[onnx.ValueInfoProto]:
    part = _part_width(parameters)
    widths = {OUTPUT_NAME: len(PARTS) * part}
    if form.outputs == "all":
        widths |= {one.name: part for one in WHOLE_PARTS}
        widths |= {one.logits: len(parameters[f"{one.head}.bias"]) for one in PARTS}
    return [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [_batch(form), width])
        for name, width in widths.items()
    ]


def _prepared(writer: _Writer, form: GraphForm) -> str:
    """The normalised NCHW input; with `fuse_mirror`, its mirror follows along the batch axis."""
    x = INPUT_NAME
    if form.input == "uint8":
        # Subtract and divide in this order: to the bit what the pictures get outside the graph.
        x = writer.node("Cast", "pixels", [x], to=TensorProto.FLOAT)
        steps = (("Div", "full_scale", 255), ("Sub", "mean", MEAN), ("Div", "deviation", DEVIATION))
        for kind, name, values in steps:
            constant = writer.constant(name, np.array(values, np.float32))
            x = writer.node(kind, f"by_{name}", [x, constant])
        x = writer.node("Transpose", "planes", [x], perm=[0, 3, 1, 2])
    if form.fuse_mirror:
        # Not a Slice with step -1: a Gather by int32 is the form every compiler is sure to take.
        backwards = np.arange(WIDTH, dtype=np.int32)[::-1]
        columns = writer.constant("mirror.columns", backwards)
        mirrored = writer.node("Gather", "mirrored", [x, columns], axis=3)
        x = writer.node("Concat", "plain_and_mirrored", [x, mirrored], axis=0)
    return x


def _features(writer: _Writer, x: str, name: str) -> str:
    """The network itself: [N, 2048]; its last node has the given name."""
    x = writer.relu(writer.conv("backbone.0", "backbone.1", x, stride=2))
    x = writer.node(
        "MaxPool", "backbone.3", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]
    )
    x = writer.blocks("backbone.4", 3, x)
    x = writer.blocks("backbone.5", 4, x, stride=2)
    x = writer.block("backbone.6", x, stride=2)
    p1, p2, p3 = (
        writer.blocks(f"{branch}.1", 3, writer.blocks(f"{branch}.0", 5, x), stride=stride)
        for branch, stride in (("p1", 2), ("p2", 1), ("p3", 1))
    )
    # One reduction serves all parts, so they go through it as the eight rows of one map, in order.
    pooled = [
        writer.pool("pool_p1", p1, 12, 4),
        writer.pool("pool_p2", p2, 24, 8),
        writer.pool("pool_p3", p3, 24, 8),
        writer.pool("pool_halves_p2", p2, 12, 8),
        writer.pool("pool_thirds_p3", p3, 8, 8),
    ]
    rows = writer.node("Concat", "rows", pooled, axis=2)
    reduced = writer.relu(writer.conv("reduction.0", "reduction.1", rows))
    by_part = writer.node("Transpose", "by_part", [reduced], perm=[0, 2, 3, 1])
    return writer.node("Flatten", name, [by_part], axis=1)


def _fused(writer: _Writer, features: str, batch_size: int | None) -> None:
    """Adds each picture's two features and gives the sum unit length; zero stays zero."""
    pairs_shape = [
        2,
        -1 if batch_size is None else batch_size,
        len(PARTS) * _part_width(writer.parameters),
    ]
    shape = writer.constant("pairs.shape", np.array(pairs_shape))
    pairs = writer.node("Reshape", "pairs", [features, shape])
    total = writer.reduction("ReduceSum", "total", pairs, 0, keep=False)
    # Divided by its peak first: the squares' sum would leave float16 at a length of 256.
    tiny = writer.constant("tiny", _TINY)
    peak = writer.reduction("ReduceMax", "peak", total, 1, keep=True)
    scaled = writer.node("Div", "scaled", [total, writer.node("Max", "divisor", [peak, tiny])])
    squares = writer.node("Mul", "squares", [scaled, scaled])
    length = writer.node(
        "Sqrt", "length", [writer.reduction("ReduceSum", "sum_of_squares", squares, 1, keep=True)]
    )
    writer.node("Div", OUTPUT_NAME, [scaled, writer.node("Max", "safe_length", [length, tiny])])


def _parts_and_logits(writer: _Writer) -> None:
    names = [part.name for part in PARTS]
    writer.split(names, OUTPUT_NAME, _part_width(writer.parameters))
    for part in PARTS:
        weight, bias = (
            writer.constant(key, writer.parameters[key])
            for key in (f"{part.head}.weight", f"{part.head}.bias")
        )
        writer.node("Gemm", part.logits, [part.name, weight, bias], transB=1)


@functools.cache
def newest_opset() -> int:
    """The newest opset that the installed onnx and ONNX Runtime both take, from `OLDEST_OPSET`."""
    newest: int = onnx.defs.onnx_opset_version()
    return next(opset for opset in range(newest, OLDEST_OPSET - 1, -1) if _runtime_takes(opset))


def _runtime_takes(opset: int) -> bool:
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])], "probe", values[:1], values[1:]
    )
    imports = [helper.make_opsetid("", opset)]
    ir_version = helper.find_min_ir_version_for(imports)
    model = helper.make_model(graph, opset_imports=imports, ir_version=ir_version)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except onnxruntime.capi.onnxruntime_pybind11_state.Fail:
        return False
    return True
