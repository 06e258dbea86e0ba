# SPDX-License-Identifier: Apache-2.0
"""MGN's ONNX graph, written node by node from arrays: no exporter chooses opset, names or shape.

Imports onnx, so nothing may import it before onnx is needed; knows nothing of torch.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

from mgn_fast.export.families import REID_MGN, Design
from mgn_fast.export.nodes import Writer
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
from mgn_fast.types import AnyArray

OLDEST_OPSET = 11

# The smallest normal float16: a divisor that stays above zero on devices that compute in float16.
_TINY = np.float32(2.0**-14)
# Names of the pooled areas, the whole body's and the stripes', in the order of `PARTS`.
_WHOLES = ("pool_p1", "pool_p2", "pool_p3")
_STRIPES = tuple(f"pool_{part.name}" for part in PARTS[len(_WHOLES) :])


@dataclass(frozen=True)
class GraphForm:
    """Choices that decide which graph is written: opset, batch axis, input and outputs.

    Attributes:
        opset: of the default operator set.
        batch_size: None leaves the batch axis dynamic, under the name "batch".
        outputs: "embedding" (the feature alone) or "all" (the recipe's twelve).
        input: "float32" (NCHW, normalised) or "uint8" (NHWC RGB, normalised in the graph).
        fuse_mirror: the graph runs picture and mirror, adds and L2-normalises.
        design: which MGN the parameters are of, with the pooling of its stripes.
    """

    opset: int
    batch_size: int | None = None
    outputs: OutputKind = "embedding"
    input: InputKind = "float32"
    fuse_mirror: bool = False
    design: Design = REID_MGN


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
    writer = Writer(parameters, form.opset)
    x = _prepared(writer, form)
    if form.fuse_mirror:
        both = _features(writer, x, "both_features", form.design)
        _fused(writer, both, form)
    else:
        _features(writer, x, OUTPUT_NAME, form.design)
    if form.outputs == "all":
        _parts_and_logits(writer, form.design)
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


def _part_width(parameters: Mapping[str, AnyArray], design: Design) -> int:
    return int(parameters[f"{design.reduction(0)}.0.weight"].shape[0])


def _batch(form: GraphForm) -> int | str:
    return "batch" if form.batch_size is None else form.batch_size


def _input(form: GraphForm) -> onnx.ValueInfoProto:
    if form.input == "uint8":
        shape = [_batch(form), HEIGHT, WIDTH, 3]
        return helper.make_tensor_value_info(INPUT_NAME, TensorProto.UINT8, shape)
    shape = [_batch(form), 3, HEIGHT, WIDTH]
    return helper.make_tensor_value_info(INPUT_NAME, TensorProto.FLOAT, shape)


def _outputs(parameters: Mapping[str, AnyArray], form: GraphForm) -> list[onnx.ValueInfoProto]:
    part = _part_width(parameters, form.design)
    widths = {OUTPUT_NAME: len(PARTS) * part}
    if form.outputs == "all":
        widths |= {one.name: part for one in WHOLE_PARTS}
        widths |= {one.logits: len(parameters[f"{one.head}.bias"]) for one in PARTS}
    return [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [_batch(form), width])
        for name, width in widths.items()
    ]


def _prepared(writer: Writer, form: GraphForm) -> str:
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


def _features(writer: Writer, x: str, name: str, design: Design) -> str:
    """The network itself: [N, 2048]; its last node has the given name."""
    pooled = _pooled(writer, *_branches(writer, x), design)
    if design.shared_reduction:
        # One reduction serves all parts: they pass it as the eight rows of one map, in order.
        rows = writer.node("Concat", "rows", pooled, axis=2)
        reduced = writer.relu(writer.conv("reduction.0", "reduction.1", rows))
        by_part = writer.node("Transpose", "by_part", [reduced], perm=[0, 2, 3, 1])
        return writer.node("Flatten", name, [by_part], axis=1)
    halves, thirds = _STRIPES[:2], _STRIPES[2:]
    writer.split("halves", halves, pooled[3], 1, axis=2)
    writer.split("thirds", thirds, pooled[4], 1, axis=2)
    reduced_parts = [
        writer.relu(writer.conv(f"{reduction}.0", f"{reduction}.1", area))
        for reduction, area in zip(
            map(design.reduction, range(len(PARTS))), (*pooled[:3], *halves, *thirds), strict=True
        )
    ]
    ordered = [reduced_parts[index] for index in design.order]
    return writer.node("Flatten", name, [writer.node("Concat", "parts", ordered, axis=1)], axis=1)


def _branches(writer: Writer, x: str) -> tuple[str, str, str]:
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
    return p1, p2, p3


def _pooled(writer: Writer, p1: str, p2: str, p3: str, design: Design) -> list[str]:
    """Three whole bodies, then the halves as two rows of one map and the thirds as three."""
    assert design.pool is not None  # what exports has asked
    return [
        writer.pool(_WHOLES[0], p1, (12, 4), design.pool),
        writer.pool(_WHOLES[1], p2, (24, 8), design.pool),
        writer.pool(_WHOLES[2], p3, (24, 8), design.pool),
        writer.pool("pool_halves_p2", p2, (12, 8), design.pool),
        writer.pool("pool_thirds_p3", p3, (8, 8), design.pool),
    ]


def _fused(writer: Writer, features: str, form: GraphForm) -> None:
    """Adds each picture's two features and gives the sum unit length; zero stays zero."""
    pairs_shape = [
        2,
        -1 if form.batch_size is None else form.batch_size,
        len(PARTS) * _part_width(writer.parameters, form.design),
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


def _parts_and_logits(writer: Writer, design: Design) -> None:
    names = [PARTS[index].name for index in design.order]
    writer.split("split", names, OUTPUT_NAME, _part_width(writer.parameters, design), axis=1)
    for index, part in enumerate(PARTS):
        weight, bias = (
            writer.constant(key, writer.parameters[key])
            for key in (f"{part.head}.weight", f"{part.head}.bias")
        )
        seen = part.name
        if design.sees_pooled(index):
            seen = writer.node("Flatten", f"{_WHOLES[index]}_flat", [_WHOLES[index]], axis=1)
        writer.node("Gemm", part.logits, [seen, weight, bias], transB=1)


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
    errors = onnxruntime.capi.onnxruntime_pybind11_state
    try:
        onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except (errors.Fail, errors.InvalidArgument):  # an opset, a format of file that is too new
        return False
    return True
