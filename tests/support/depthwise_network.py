# SPDX-License-Identifier: Apache-2.0
"""A small network as mobile ones are, with norms of their own, depthwise convolutions and a gate.

It has two outputs, and its input is as a contract says, which it does not say itself.
"""

from pathlib import Path

import numpy as np

from mgn_fast.models.contract import Contract
from support.late import late
from support.small_network import Writer

helper = late("onnx.helper")
onnx = late("onnx")

MOBILE = Contract(
    height=64,
    width=32,
    colour="BGR",
    interpolation="pillow-bilinear",
    output="embedding",
    embedding_width=48,
    mirror="none",
    parts=None,
    origin="the test",
)
# Blocks that can be int8, each named by its last node.
MOBILE_BLOCKS = ["stem", "narrow", "sum"]
_KINDS = {"float32": 1, "uint8": 2, "float16": 10}  # TensorProto's


class MobileWriter(Writer):
    def norm(self, x, channels):
        """A batch norm whose channels are of very different sizes."""
        sizes = np.exp(self.random.normal(0, 1.5, channels))
        values = {"scale": sizes, "shift": 0.2 * sizes * self.random.standard_normal(channels)}
        values |= {"mean": self.random.normal(0, 0.1, channels)}
        values |= {"variance": self.random.uniform(0.5, 2, channels)}
        names = [self.constant(f"{x}.{k}", v.astype(np.float32)) for k, v in values.items()]
        return self.node("BatchNormalization", f"{x}_norm", [x, *names], epsilon=1e-3)

    def plain(self, name, x, channels, kernel=1, *, stride=1, group=1):
        """A convolution without bias, its weight in a Constant node."""
        into, out = channels
        shape = out, into // group, kernel, kernel
        values = self.random.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))
        held = onnx.numpy_helper.from_array(values.astype(np.float32))
        weight = self.node("Constant", f"{name}_weight", [], value=held)
        pads = [kernel // 2] * 4
        strides = [stride, stride]
        return self.node(
            "Conv",
            name,
            [x, weight],
            kernel_shape=[kernel] * 2,
            pads=pads,
            strides=strides,
            group=group,
        )


def write_mobile_network(path, contract=MOBILE, *, batch_size=None, free=False, opset=12):
    """Writes it; `free` leaves height and width open."""
    writer = MobileWriter(0)
    axis = "batch" if batch_size is None else batch_size
    x = "picture"
    if contract.input != "float32":
        x = writer.node("Cast", "floats", [x], to=1)
    if contract.input == "uint8":
        x = writer.node("Div", "scaled", [x, writer.constant("scale", np.float32([64]))])
    if contract.layout == "NHWC":
        x = writer.node("Transpose", "planes", [x], perm=[0, 3, 1, 2])
    x = writer.norm(writer.plain("stem", x, (3, 16), 3, stride=2), 16)
    limits = [writer.constant(f"limit{n}", np.array(n, np.float32)) for n in (0, 6)]
    x = before = writer.node("Clip", "cut", [x, *limits])
    x = writer.norm(writer.plain("narrow", x, (16, 16)), 16)
    x = writer.norm(writer.plain("deep", x, (16, 16), 3, group=16), 16)
    x = writer.relu(x)
    gate = writer.node("GlobalAveragePool", "mean", [x])
    gate = writer.relu(writer.conv("gate_in", gate, (16, 8), 1))
    gate = writer.node("Sigmoid", "gate", [writer.conv("gate_out", gate, (8, 16), 1)])
    x = writer.node("Mul", "gated", [x, gate])
    x = writer.norm(writer.plain("wide", x, (16, 16)), 16)
    x = writer.relu(writer.node("Add", "sum", [x, before]))
    x = writer.relu(writer.norm(writer.plain("last", x, (16, 48)), 48))
    rows = writer.node("Flatten", "rows", [writer.node("GlobalAveragePool", "pooled", [x])])
    writer.node("Identity", "embedding", [rows])
    head = writer.random.standard_normal((48, 7)).astype(np.float32)
    writer.node("MatMul", "logits", [rows, writer.constant("head", head)])
    shape = list(contract.picture_shape)
    if free:
        shape = [size if size == 3 else f"size{place}" for place, size in enumerate(shape)]
    graph = helper.make_graph(
        writer.nodes,
        "mobile",
        [helper.make_tensor_value_info("picture", _KINDS[contract.input], [axis, *shape])],
        [
            helper.make_tensor_value_info("logits", 1, [axis, 7]),
            helper.make_tensor_value_info("embedding", 1, [axis, 48]),
        ],
        writer.weights,
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=7), path
    )
    return Path(path)
