# SPDX-License-Identifier: Apache-2.0
"""Channels of one size where a depthwise convolution follows, so that one rounding step suits all.

What a convolution gives has one step for all channels, and a channel of small values would keep few
levels. A depthwise convolution takes each channel by itself, and its weights have a step for each:
so a channel can be made larger before it and smaller in it. Factors are powers of two, so the
network computes the same bits. Imports onnx, so nothing may import it before onnx is needed.

Source:
    Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction, ICCV 2019,
    section 4.1; here with the sizes that channels have on the pictures.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from mgn_fast.quantize.watching import extremes
from mgn_fast.types import AnyArray, F32Array, F64Array

# A channel that is hardly ever more than zero is not made larger than this.
_LARGEST_FACTOR = 1024.0


@dataclass(frozen=True)
class _Pair:
    """A convolution, the tensor between, and the depthwise convolutions that alone take it."""

    maker: onnx.NodeProto
    between: str
    takers: list[onnx.NodeProto]


def equalise(
    model: onnx.ModelProto,
    batches: Iterable[AnyArray],
    scratch: Path,
    threads: int | None = None,
) -> None:
    """Brings channels between convolutions and depthwise ones to one size, within a factor of two.

    Args:
        model: whose weights change; without such convolutions nothing is computed.
        batches: pictures, as the input takes them.
        scratch: a directory for a file as large as the model.
        threads: to compute with; None is one per core.
    """
    pairs = _pairs(model.graph)
    if not pairs:
        return
    tensors = {pair.between: 3 for pair in pairs}
    found = extremes(model, tensors, batches, scratch, by_channel=True, threads=threads)
    for pair in pairs:
        least, largest = found[pair.between]
        factors = channel_factors(np.maximum(-least, largest).max(axis=0))
        for place in range(1, len(pair.maker.input)):
            _scale(model.graph, pair.maker, place, factors)
        for taker in pair.takers:
            _scale(model.graph, taker, 1, 1 / factors)


def channel_factors(sizes: F32Array) -> F64Array:
    """The power of two that brings each channel nearest to the largest.

    Args:
        sizes: float32 [C]; the largest absolute value of each.

    Returns:
        float64 [C], from 1 to 1024.

    Example:
        >>> channel_factors(np.array([8.0, 1.1, 5.0, 0.0], np.float32)).tolist()
        [1.0, 8.0, 2.0, 1024.0]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        wanted = np.nan_to_num(sizes.max() / sizes.astype(np.float64), nan=1.0)
    exponents: F64Array = np.round(np.log2(np.clip(wanted, 1.0, _LARGEST_FACTOR)))
    return np.exp2(exponents)


def _pairs(graph: onnx.GraphProto) -> list[_Pair]:
    weights = {entry.name: entry for entry in graph.initializer}
    users: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)
    given = {entry.name for entry in graph.output}
    pairs = []
    for node in graph.node:
        if node.op_type != "Conv" or not all(name in weights for name in node.input[1:]):
            continue
        tensors = [node.output[0]]
        takers = users.get(tensors[0], [])
        if len(takers) == 1 and takers[0].op_type == "Relu":  # larger before it is larger after it
            tensors.append(takers[0].output[0])
            takers = users.get(tensors[1], [])
        if takers and given.isdisjoint(tensors) and all(_is_depthwise(n, weights) for n in takers):
            pairs.append(_Pair(node, tensors[-1], takers))
    return pairs


def _is_depthwise(node: onnx.NodeProto, weights: dict[str, onnx.TensorProto]) -> bool:
    """A convolution of planes in which every channel is a group."""
    if node.op_type != "Conv" or node.input[1] not in weights:
        return False
    groups = next((entry.i for entry in node.attribute if entry.name == "group"), 1)
    dims = weights[node.input[1]].dims
    return groups > 1 and len(dims) == 4 and dims[1] == 1


def _scale(graph: onnx.GraphProto, node: onnx.NodeProto, place: int, factors: F64Array) -> None:
    """Multiplies a node's weights by a factor for each of its groups of rows."""
    entry = next(entry for entry in graph.initializer if entry.name == node.input[place])
    values = numpy_helper.to_array(entry)
    rows = np.repeat(factors, len(values) // len(factors))
    scaled = (values * rows.reshape(-1, *[1] * (values.ndim - 1))).astype(values.dtype)
    name = f"{node.name}.equalised.{place}"  # others may share the weights
    graph.initializer.append(numpy_helper.from_array(scaled, name))
    node.input[place] = name
