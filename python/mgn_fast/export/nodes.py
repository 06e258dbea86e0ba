# SPDX-License-Identifier: Apache-2.0
"""ONNX nodes for the layers that MGN is made of, each with the arrays it needs.

Uses only operators that ATC knows, batch norms folded into the convolutions. Imports onnx, so
nothing may import it before onnx is needed; knows nothing of torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import onnx
from onnx import helper, numpy_helper

from mgn_fast.export.families import PoolKind
from mgn_fast.types import AnyArray, F32Array

# PyTorch's batch norms add it to the variance; the state dict does not carry it.
_EPSILON = 1e-5


class Writer:
    """Collects nodes and the arrays they need. Every method that adds a node returns its output."""

    def __init__(self, parameters: Mapping[str, AnyArray], opset: int) -> None:
        self.parameters = parameters
        self.opset = opset
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def constant(self, name: str, values: Any) -> str:
        """Adds an array under its name."""
        self.initializers.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def node(self, kind: str, name: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Adds a node that is named like its one output."""
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

    def split(self, name: str, outputs: Sequence[str], x: str, size: int, *, axis: int) -> None:
        """Cuts an axis into pieces of one size, which opset 13 moved from attribute to input."""
        sizes = [size] * len(outputs)
        inputs, attributes = [x], cast(dict[str, Any], {"axis": axis, "split": sizes})
        if self.opset >= 13:
            inputs, attributes = (
                [x, self.constant(f"{name}.sizes", np.array(sizes))],
                {"axis": axis},
            )
        self.nodes.append(helper.make_node("Split", inputs, outputs, name, **attributes))

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
        """Adds what sets negative values to zero."""
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

    def pool(self, name: str, x: str, size: tuple[int, int], kind: PoolKind) -> str:
        """The maximum or the average of each tile; the tiles do not overlap."""
        operator = {"max": "MaxPool", "avg": "AveragePool"}[kind]
        return self.node(operator, name, [x], kernel_shape=size, strides=size)


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
