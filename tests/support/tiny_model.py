# SPDX-License-Identifier: Apache-2.0
"""A model with MGN's input, output and contract that costs next to nothing: pool, flatten, matrix.

It tells left from right, so that plain and mirrored embeddings differ.
"""

import functools
from pathlib import Path

import numpy as np

from mgn_fast.models.contract import HEIGHT, INPUT_NAME, METADATA_KEY, OUTPUT_NAME, WIDTH, Contract
from support.late import late

TensorProto = late("onnx.TensorProto")
helper = late("onnx.helper")
numpy_helper = late("onnx.numpy_helper")
onnx = late("onnx")

CONTRACT = Contract()


def write_tiny_model(path, *, batch_size=None, contract=CONTRACT, width=2048, seed=0, weights=None):
    """Writes the model; `batch_size` None is a dynamic axis, `contract` None leaves it out."""
    uint8 = contract is not None and contract.input == "uint8"
    axis = "batch" if batch_size is None else batch_size
    nodes = [
        helper.make_node(
            "AveragePool", ["planes"], ["pooled"], kernel_shape=[16, 16], strides=[16, 16]
        ),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["product"]),
        helper.make_node("Relu", ["product"], [OUTPUT_NAME]),
    ]
    if uint8:
        before = [
            helper.make_node("Cast", [INPUT_NAME], ["cast"], to=TensorProto.FLOAT),
            helper.make_node("Transpose", ["cast"], ["planes"], perm=[0, 3, 1, 2]),
        ]
        shape, kind = [axis, HEIGHT, WIDTH, 3], TensorProto.UINT8
    else:
        before = [helper.make_node("Identity", [INPUT_NAME], ["planes"])]
        shape, kind = [axis, 3, HEIGHT, WIDTH], TensorProto.FLOAT
    if weights is None:
        weights = seeded_weights(width, seed)
    graph = helper.make_graph(
        before + nodes,
        "tiny",
        [helper.make_tensor_value_info(INPUT_NAME, kind, shape)],
        [helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, [axis, width])],
        [numpy_helper.from_array(weights.astype(np.float32), "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6)
    if contract is not None:
        helper.set_model_props(model, {METADATA_KEY: contract.to_json()})
    onnx.save(model, path)
    return Path(path)


@functools.cache
def seeded_weights(width, seed):
    """The matrix of the tiny model."""
    return np.random.default_rng(seed).standard_normal((3 * 24 * 8, width), np.float32)


def write_rough_model(path):
    """The tiny model with weights that are a little off."""
    noise = np.random.default_rng(1).standard_normal((3 * 24 * 8, 2048), np.float32)
    return write_tiny_model(path, weights=seeded_weights(2048, 0) + 0.2 * noise)


def tiny_embedding(prepared, *, width=2048, seed=0):
    """What the tiny model gives for prepared float32 pictures [N, 3, 384, 128], in NumPy."""
    pooled = prepared.reshape(-1, 3, 24, 16, 8, 16).mean((3, 5), dtype=np.float64)
    product = pooled.reshape(len(prepared), 3 * 24 * 8) @ seeded_weights(width, seed)
    return np.maximum(product, 0).astype(np.float32)
