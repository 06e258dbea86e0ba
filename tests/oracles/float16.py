# SPDX-License-Identifier: Apache-2.0
"""What a network gives where some of its operators compute in float16, operator by operator.

Sums are made in float64 and must be exact in float32 in any order: for integers below 2**24.
"""

import numpy as np

from support.late import late

helper = late("onnx.helper")
numpy_helper = late("onnx.numpy_helper")


def rounded(values, saturate=True):
    """The nearest float16 by its definition: 11 bits, exponents from -14, ties to even."""
    wide = np.asarray(values, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        exponent = np.where(wide == 0, 0.0, np.floor(np.log2(np.abs(wide))))
    step = 2.0 ** (np.clip(np.where(np.isfinite(exponent), exponent, 0), -14, 15) - 10)
    near = np.where(np.isfinite(wide), np.rint(wide / step) * step, wide)
    over = np.abs(near) > 65504
    return np.where(over, np.copysign(65504 if saturate else np.inf, near), near)


def forward(model, feed, computes, saturate=True):
    """Outputs by name.

    Args:
        model: a ModelProto.
        feed: its input, as an array.
        computes: of a node's name, "float16", "float16 in" or "float32".
        saturate: whether an overflow is 65504.
    """
    graph = model.graph
    weights = {entry.name: numpy_helper.to_array(entry) for entry in graph.initializer}
    nodes = folded(list(graph.node), weights, [entry.name for entry in graph.output])
    tensors = {graph.input[0].name: np.asarray(feed, np.float64), **weights}
    for node, override in nodes:
        how = computes(node.name)
        given = [override.get(name, tensors.get(name)) for name in node.input]
        if how != "float32":
            given = [rounded(v, saturate) if v.dtype.kind == "f" else v for v in given]
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        result = OPERATORS[node.op_type](attributes, *given)
        tensors[node.output[0]] = rounded(result, saturate) if how == "float16" else result
    return {entry.name: tensors[entry.name].astype(np.float32) for entry in graph.output}


def folded(nodes, weights, outputs):
    """Nodes in order, each with the arrays that replace its inputs; batch norms are folded."""
    kept = []
    for node in nodes:
        if node.op_type != "BatchNormalization":
            kept.append((node, {}))
            continue
        scale, shift, mean, variance = (weights[name].astype(float) for name in node.input[1:])
        (epsilon,) = (a.f for a in node.attribute if a.name == "epsilon")
        factor = scale / np.sqrt(variance + epsilon)
        summand = shift - mean * factor
        before = next((n for n, _ in kept if n.output[0] == node.input[0]), None)
        uses = sum(node.input[0] in other.input for other in nodes)
        if before is None or before.op_type != "Conv" or uses != 1 or node.input[0] in outputs:
            kept.append((node, dict(zip(node.input[1:3], (factor, summand), strict=True))))
            continue
        assert len(before.input) == 3
        changed = type(before)()
        changed.CopyFrom(before)
        changed.output[0] = node.output[0]
        wide = weights[before.input[1]] * factor.reshape(-1, 1, 1, 1)
        values = (wide, weights[before.input[2]] * factor + summand)
        place = next(i for i, (n, _) in enumerate(kept) if n is before)
        kept[place] = changed, dict(zip(before.input[1:], values, strict=True))
    return kept


def exact(values, absolute):
    """Sums that float32 makes exactly, in any order."""
    assert np.all(absolute < 2.0**24)
    assert np.array_equal(values, np.rint(values))
    return values


def windows(x, kernel, strides):
    view = np.lib.stride_tricks.sliding_window_view(x, kernel, axis=(2, 3))
    return view[:, :, :: strides[0], :: strides[1]]


def conv(attributes, x, weight, bias):
    top, left, bottom, right = attributes.get("pads", [0] * 4)
    padded = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    parts = windows(padded, weight.shape[2:], attributes.get("strides", [1, 1]))
    groups = attributes.get("group", 1)
    shape = parts.shape
    parts = parts.reshape(shape[0], groups, shape[1] // groups, *shape[2:])
    weight = weight.reshape(groups, -1, *weight.shape[1:])

    def product(a, b):
        found = np.einsum("ngchwij,gocij->ngohw", a, b)
        return found.reshape(len(a), -1, *found.shape[3:])

    wide = bias.reshape(-1, 1, 1)
    return exact(product(parts, weight) + wide, product(abs(parts), abs(weight)) + abs(wide))


def max_pool(attributes, x):
    return windows(x, attributes["kernel_shape"], attributes["strides"]).max(axis=(4, 5))


def gemm(attributes, a, b, c):
    assert attributes.get("transB", 0) == 1
    return exact(a @ b.T + c, abs(a) @ abs(b.T) + abs(c))


def norm(_, x, factor, summand, *unused):
    return x * factor.reshape(-1, 1, 1) + summand.reshape(-1, 1, 1)


OPERATORS = {
    "Add": lambda _, a, b: exact(a + b, abs(a) + abs(b)),
    "BatchNormalization": norm,
    "Conv": conv,
    "Flatten": lambda _, x: x.reshape(len(x), -1),
    "Gemm": gemm,
    "GlobalAveragePool": lambda _, x: (
        exact(x.sum((2, 3), keepdims=True), abs(x).sum((2, 3))) / (x.shape[2] * x.shape[3])
    ),
    "MatMul": lambda _, a, b: exact(a @ b, abs(a) @ abs(b)),
    "MaxPool": max_pool,
    "Mul": lambda _, a, b: a * b,
    "Relu": lambda _, x: np.maximum(x, 0),
}
