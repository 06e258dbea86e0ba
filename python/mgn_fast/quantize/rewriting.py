# SPDX-License-Identifier: Apache-2.0
"""The nodes of a quantised graph, and the arithmetic of rounding weights and biases to integers.

Is told what to round; knows neither pictures nor which blocks there are. Imports onnx, so nothing
may import it before onnx is needed.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from mgn_fast.types import AnyArray, F32Array

Ranges = dict[str, tuple[float, float]]
# Rounded weights by node and step of its input, which other files of the same model share.
Prepared = dict[tuple[str, float], tuple[AnyArray, ...]]

_LEVELS = 255  # of uint8, above the lowest
_LARGEST = 127  # of int8, on both sides
# A bias is an int32 in steps of its input times its weight's. Below this it fits, with room for the
# sum that it is added to.
_LARGEST_BIAS = 2**30
# Smaller steps than any network has, above what would make a quotient overflow.
_LEAST_STEP = 2.0**-60


@dataclass(frozen=True)
class Rounding:
    """The nodes and tensors of a graph that are rounded to integers.

    Attributes:
        nodes: names of the nodes that compute in integers.
        results: tensors that these nodes give; every node that takes one takes it rounded.
        tensors: those, and what these nodes take.
        same: tensors rounded as another one is: what was pooled, and what was pooled from.
    """

    nodes: Set[str]
    results: Set[str]
    tensors: Set[str]
    same: dict[str, str]


def write_nodes(
    target: onnx.GraphProto,
    source: onnx.GraphProto,
    rounding: Rounding,
    ranges: Ranges,
    prepared: Prepared,
) -> None:
    """Fills a graph with another's nodes and weights, rounded.

    Args:
        target: gets them; it has inputs and outputs already.
        source: the float32 graph.
        rounding: what to round.
        ranges: of every tensor that is.
        prepared: rounded weights of earlier calls; gets those of this one.
    """
    writer = _Writer(target, source, rounding, ranges, prepared)
    for entry in source.input:
        writer.round(entry.name)
    for node in source.node:
        writer.add(node)
    used = {name for node in target.node for name in node.input}
    target.initializer.extend(entry for entry in source.initializer if entry.name in used)


def activation_step(low: float, high: float) -> tuple[np.float32, int]:
    """Scale and zero point that store a range of floats as uint8; zero itself stays exact.

    Args:
        low: the least value.
        high: the largest.

    Returns:
        Both; values beyond the range are cut off.

    Example:
        From -1 to 4 is 5, in 255 steps; zero is the 51st of them:

        >>> step, zero = activation_step(-1.0, 4.0)
        >>> round(float(step) * 255, 5), zero
        (5.0, 51)
    """
    low, high = min(low, 0.0), max(high, 0.0)
    step = np.float32(max((high - low) / _LEVELS, _LEAST_STEP))
    return step, int(np.clip(round(-low / float(step)), 0, _LEVELS))


def rounded_weight(
    weight: F32Array, bias: F32Array | None, input_step: float
) -> tuple[AnyArray, ...]:
    """A convolution's weight in int8 with a scale per channel, and its bias in int32.

    Args:
        weight: float32 [out, ...].
        bias: float32 [out], or None.
        input_step: the scale of what is multiplied with it.

    Returns:
        int8 weight, float32 [out] scale, then, if there is a bias, int32 bias and its scale.
    """
    wide = weight.astype(np.float64)
    steps = np.abs(wide.reshape(len(wide), -1)).max(axis=1) / _LARGEST
    if bias is not None:  # a channel of small weights and a large bias
        steps = np.maximum(steps, np.abs(bias.astype(np.float64)) / (input_step * _LARGEST_BIAS))
    scale = np.maximum(steps, _LEAST_STEP).astype(np.float32)
    per_channel = scale.astype(np.float64).reshape(-1, *[1] * (weight.ndim - 1))
    rounded = np.clip(np.rint(wide / per_channel), -_LARGEST, _LARGEST).astype(np.int8)
    if bias is None:
        return rounded, scale
    bias_scale = (np.float32(input_step) * scale).astype(np.float32)
    return (
        rounded,
        scale,
        np.rint(bias / bias_scale.astype(np.float64)).astype(np.int32),
        bias_scale,
    )


class _Writer:
    """Adds nodes to the graph, with pairs of QuantizeLinear and DequantizeLinear around them."""

    def __init__(
        self,
        target: onnx.GraphProto,
        source: onnx.GraphProto,
        rounding: Rounding,
        ranges: Ranges,
        prepared: Prepared,
    ) -> None:
        self._target = target
        self._weights = {entry.name: entry for entry in source.initializer}
        self._rounding = rounding
        self._ranges = ranges
        self._prepared = prepared
        self._steps: dict[str, tuple[np.float32, int]] = {}

    def round(self, tensor: str) -> None:
        """Adds QuantizeLinear and DequantizeLinear behind a tensor, if it is one to round."""
        if tensor not in self._rounding.tensors:
            return
        like = self._rounding.same.get(tensor)
        step, zero = self._steps[like] if like else activation_step(*self._ranges[tensor])
        self._steps[tensor] = step, zero
        scale = self._constant(f"{tensor}.scale", step)
        point = self._constant(f"{tensor}.zero", np.uint8(zero))
        self._node("QuantizeLinear", [tensor, scale, point], f"{tensor}.uint8")
        self._node("DequantizeLinear", [f"{tensor}.uint8", scale, point], f"{tensor}.rounded")

    def add(self, node: onnx.NodeProto) -> None:
        """Adds a node; inputs that are rounded are taken in their rounded form."""
        in_integers = node.name in self._rounding.nodes
        added = onnx.NodeProto()
        added.CopyFrom(node)
        for place, name in enumerate(node.input):
            if name in (self._rounding.tensors if in_integers else self._rounding.results):
                added.input[place] = f"{name}.rounded"
        if in_integers and node.op_type == "Conv":
            added.input[1:] = self._rounded_weights(node)
        self._target.node.append(added)
        for name in node.output:
            self.round(name)

    def _rounded_weights(self, node: onnx.NodeProto) -> list[str]:
        key = node.name, float(self._steps[node.input[0]][0])
        if key not in self._prepared:
            weight, *bias = (numpy_helper.to_array(self._weights[name]) for name in node.input[1:])
            self._prepared[key] = rounded_weight(weight, bias[0] if bias else None, key[1])
        found = self._prepared[key]
        names = [self._rounded_constant(f"{node.name}.weight", *found[:2])]
        if len(found) > 2:
            names.append(self._rounded_constant(f"{node.name}.bias", *found[2:]))
        return names

    def _rounded_constant(self, name: str, values: AnyArray, scale: AnyArray) -> str:
        inputs = [
            self._constant(f"{name}.{values.dtype}", values),
            self._constant(f"{name}.scale", scale),
            self._constant(f"{name}.zero", np.zeros(len(scale), values.dtype)),
        ]
        return self._node("DequantizeLinear", inputs, f"{name}.rounded", axis=0)

    def _constant(self, name: str, values: Any) -> str:
        self._target.initializer.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def _node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        made = helper.make_node(kind, inputs, [output], name=output, **attributes)
        self._target.node.append(made)
        return output
