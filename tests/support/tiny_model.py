# SPDX-License-Identifier: Apache-2.0
"""A model with MGN's input, output and contract that costs next to nothing: pool, flatten, matrix.

It tells left from right, so that plain and mirrored embeddings differ.
"""

import functools
from dataclasses import replace
from pathlib import Path

import numpy as np

from mgn_fast.models.contract import INPUT_NAME, METADATA_KEY, OUTPUT_NAME, Contract
from support.late import late

TensorProto = late("onnx.TensorProto")
helper = late("onnx.helper")
numpy_helper = late("onnx.numpy_helper")
onnx = late("onnx")

CONTRACT = Contract()
# Nothing of it is MGN's; `write_tiny_model` with stored=False makes a model as others leave it.
FOREIGN = Contract(
    height=64,
    width=32,
    colour="BGR",
    scale=128.0,
    interpolation="pillow-bilinear",
    embedding_width=48,
    mirror="none",
    parts=None,
)
# The same with parts of its own: one that nobody knows, and one that MGN has too.
OWN_PARTS = replace(FOREIGN, parts=(("upper", 32), ("f1_p2", 16)))


def write_tiny_model(
    path, *, batch_size=None, contract=CONTRACT, width=None, seed=0, weights=None, stored=True
):
    """Writes the model; `batch_size` None is a dynamic axis, `contract` None leaves it out.

    `stored` False leaves the contract out too, and makes the model as it says.
    """
    form = contract or CONTRACT
    axis = "batch" if batch_size is None else batch_size
    width = width or form.embedding_width or 2048
    if weights is None:
        cells = (form.height // 16) * (form.width // 16)
        weights = seeded_weights(width, seed, 3 * cells)
    output = form.output or OUTPUT_NAME
    to_planes = [helper.make_node("Identity", [INPUT_NAME], ["given"])]
    if form.input != "float32":
        to_planes = [helper.make_node("Cast", [INPUT_NAME], ["given"], to=TensorProto.FLOAT)]
    perm = [0, 3, 1, 2] if form.layout == "NHWC" else [0, 1, 2, 3]
    to_planes.append(helper.make_node("Transpose", ["given"], ["planes"], perm=perm))
    nodes = [
        *to_planes,
        helper.make_node(
            "AveragePool", ["planes"], ["pooled"], kernel_shape=[16, 16], strides=[16, 16]
        ),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["product"]),
        helper.make_node("Relu", ["product"], [output]),
    ]
    kind = helper.np_dtype_to_tensor_dtype(form.dtype)
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(INPUT_NAME, kind, [axis, *form.picture_shape])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, [axis, width])],
        [numpy_helper.from_array(weights.astype(np.float32), "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6)
    if contract is not None and stored:
        helper.set_model_props(model, {METADATA_KEY: contract.to_json()})
    onnx.save(model, path)
    return Path(path)


@functools.cache
def seeded_weights(width, seed, rows=3 * 24 * 8):
    """The matrix of the tiny model."""
    return np.random.default_rng(seed).standard_normal((rows, width), np.float32)


def write_rough_model(path):
    """The tiny model with weights that are a little off."""
    noise = np.random.default_rng(1).standard_normal((3 * 24 * 8, 2048), np.float32)
    return write_tiny_model(path, weights=seeded_weights(2048, 0) + 0.2 * noise)


def tiny_embedding(prepared, *, width=2048, seed=0):
    """What the tiny model gives for prepared float pictures [N, 3, H, W], in NumPy."""
    n, channels, height, wide = prepared.shape
    cells = prepared.reshape(n, channels, height // 16, 16, wide // 16, 16)
    pooled = cells.mean((3, 5), dtype=np.float64).reshape(
        n, channels * (height // 16) * (wide // 16)
    )
    product = pooled @ seeded_weights(width, seed, pooled.shape[1])
    return np.maximum(product, 0).astype(np.float32)
