# SPDX-License-Identifier: Apache-2.0
"""Graphs of other exporters in the one form that quantising reads; what they compute stays.

Weights become initialisers, and a batch norm becomes part of the convolution before it, which ONNX
Runtime would do otherwise, but not around rounded tensors. Imports onnx, so nothing may import it
before onnx is needed.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
from onnx import helper, numpy_helper

from mgn_fast.types import AnyArray

_EPSILON = 1e-5  # of BatchNormalization, where the node does not say


def name_nodes(graph: onnx.GraphProto) -> None:
    """Gives every node without a name one that no other has."""
    taken = {node.name for node in graph.node}
    for number, node in enumerate(graph.node):
        if not node.name:
            name = f"{node.op_type}_{number}"
            while name in taken:
                name += "_"
            node.name = name
            taken.add(name)


def keep_weights_as_initializers(graph: onnx.GraphProto) -> None:
    """Turns Constant nodes that hold a tensor into initialisers."""
    kept = []
    for node in graph.node:
        values = [entry.t for entry in node.attribute if entry.name == "value"]
        if node.op_type == "Constant" and values:
            values[0].name = node.output[0]
            graph.initializer.append(values[0])
        else:
            kept.append(node)
    del graph.node[:]
    graph.node.extend(kept)


def fold_batch_norms(graph: onnx.GraphProto) -> None:
    """Puts every batch norm that alone takes a convolution's result into that convolution.

    Args:
        graph: whose weights are initialisers. A norm in training mode, or with computed
            statistics, stays.
    """
    weights = {entry.name: entry for entry in graph.initializer}
    uses = Counter(name for node in graph.node for name in node.input)
    uses.update(entry.name for entry in graph.output)
    makers = {node.output[0]: node for node in graph.node if node.op_type == "Conv"}
    folded = []
    for norm in graph.node:
        convolution = makers.get(norm.input[0]) if norm.op_type == "BatchNormalization" else None
        if convolution is None or uses[norm.input[0]] != 1:
            continue
        constants = [*convolution.input[1:], *norm.input[1:]]
        if len(norm.output) != 1 or not all(name in weights for name in constants):
            continue
        given = [numpy_helper.to_array(weights[name]) for name in constants]
        new = _folded(given[:-4], given[-4:], _epsilon(norm))
        names = [f"{convolution.name}.folded.{what}" for what in ("weight", "bias")]
        for name, values in zip(names, new, strict=True):
            graph.initializer.append(numpy_helper.from_array(values, name))
        del convolution.input[1:]
        convolution.input.extend(names)
        convolution.output[0] = norm.output[0]
        folded.append(norm)
    for norm in folded:
        graph.node.remove(norm)


def _folded(
    convolution: list[AnyArray], norm: list[AnyArray], epsilon: float
) -> tuple[AnyArray, AnyArray]:
    """Weight and bias of the convolution with the norm in it; computed in float64."""
    weight = convolution[0]
    scale, shift, mean, variance = (values.astype(np.float64) for values in norm)
    factor = scale / np.sqrt(variance + epsilon)
    bias = convolution[1] if len(convolution) > 1 else np.zeros(len(weight))
    widened = factor.reshape(-1, *[1] * (weight.ndim - 1))
    return (
        (weight * widened).astype(weight.dtype),
        ((bias - mean) * factor + shift).astype(weight.dtype),
    )


def _epsilon(norm: onnx.NodeProto) -> float:
    found = [
        helper.get_attribute_value(entry) for entry in norm.attribute if entry.name == "epsilon"
    ]
    return float(found[0]) if found else _EPSILON
