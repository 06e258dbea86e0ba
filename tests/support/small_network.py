# SPDX-License-Identifier: Apache-2.0
"""A network with MGN's input, output, contract and kinds of layers that runs in milliseconds.

A convolution, pooling, a residual block, one with a projection, pooling, and a last convolution.
"""

from pathlib import Path

import numpy as np

from mgn_fast.models.contract import (
    DEVIATION,
    HEIGHT,
    INPUT_NAME,
    MEAN,
    METADATA_KEY,
    OUTPUT_NAME,
    WIDTH,
    Contract,
)
from support.late import late

TensorProto = late("onnx.TensorProto")
helper = late("onnx.helper")
numpy_helper = late("onnx.numpy_helper")
onnx = late("onnx")

PLAIN = Contract()
BLOCKS = ["first", "plain_add", "projected_add"]


class Writer:
    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.nodes, self.weights = [], []

    def node(self, kind, name, inputs, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def constant(self, name, values):
        self.weights.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def conv(self, name, x, channels, kernel, *, stride=1, damped=1.0):
        into, out = channels
        scale = damped * np.sqrt(2 / (into * kernel * kernel))
        values = self.random.standard_normal((out, into, kernel, kernel)) * scale
        weight = self.constant(f"{name}.weight", values.astype(np.float32))
        bias = self.constant(f"{name}.bias", self.random.normal(0, 0.1, out).astype(np.float32))
        pads = [kernel // 2 if kernel % 2 else 0] * 4
        shape = {"kernel_shape": [kernel, kernel], "strides": [stride, stride], "pads": pads}
        return self.node("Conv", name, [x, weight, bias], **shape)

    def relu(self, x):
        return self.node("Relu", f"{x}_relu", [x])

    def block(self, name, x, channels, *, stride=1):
        into, out = channels
        y = self.relu(self.conv(f"{name}_1", x, (into, 8), 1))
        y = self.relu(self.conv(f"{name}_2", y, (8, 8), 3, stride=stride))
        y = self.conv(f"{name}_3", y, (8, out), 1, damped=0.3)
        if into != out:
            x = self.conv(f"{name}_shortcut", x, (into, out), 1, stride=stride)
        return self.relu(self.node("Add", f"{name}_add", [y, x]))


def write_small_network(
    path, *, batch_size=None, contract=PLAIN, seed=0, opset=11, named=True, stored=True
):
    """Writes it; `contract` decides the input and whether it fuses. None leaves it out.

    A contract of 256 x 128 and 512 numbers is kept too; `stored` False does not write it down.
    """
    form = contract or PLAIN
    writer = Writer(seed)
    axis = "batch" if batch_size is None else batch_size
    x, shape, kind = INPUT_NAME, [axis, *form.picture_shape], TensorProto.FLOAT
    if form.input == "uint8":
        kind = TensorProto.UINT8
        x = writer.node("Cast", "cast", [x], to=TensorProto.FLOAT)
        steps = (("Div", 255.0), ("Sub", MEAN), ("Div", DEVIATION))
        for number, (what, values) in enumerate(steps):
            constant = writer.constant(f"constant{number}", np.array(values, np.float32))
            x = writer.node(what, f"step{number}", [x, constant])
        x = writer.node("Transpose", "planes", [x], perm=[0, 3, 1, 2])
    if form.fuse_mirror:
        columns = writer.constant("columns", np.arange(WIDTH)[::-1].astype(np.int64))
        mirrored = writer.node("Gather", "mirrored", [x, columns], axis=3)
        x = writer.node("Concat", "both", [x, mirrored], axis=0)
    x = writer.relu(writer.conv("first", x, (3, 16), 4, stride=4))
    x = writer.node("MaxPool", "pool", [x], kernel_shape=[2, 2], strides=[2, 2])
    x = writer.block("plain", x, (16, 16))
    x = writer.block("projected", x, (16, 32), stride=2)
    last = [3, 1] if form.height == HEIGHT else [4, 2]
    x = writer.node("MaxPool", "last_pool", [x], kernel_shape=last, strides=last)
    x = writer.relu(writer.conv("last", x, (32, 32), 1))
    if form.fuse_mirror:
        x = writer.node("Flatten", "flat", [x], axis=1)
        x = writer.node("Reshape", "pairs", [x, writer.constant("two", [2, -1, 2048])])
        writer.node("ReduceSum", OUTPUT_NAME, [x], axes=[0], keepdims=0)
    else:
        writer.node("Flatten", OUTPUT_NAME, [x], axis=1)
    if not named:
        for node in writer.nodes:
            node.name = ""
    graph = helper.make_graph(
        writer.nodes,
        "small",
        [helper.make_tensor_value_info(INPUT_NAME, kind, shape)],
        [
            helper.make_tensor_value_info(
                OUTPUT_NAME, TensorProto.FLOAT, [axis, form.embedding_width]
            )
        ],
        writer.weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=7)
    if contract is not None and stored:
        helper.set_model_props(model, {METADATA_KEY: contract.to_json()})
    onnx.save(model, path)
    return Path(path)
