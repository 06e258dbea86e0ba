# SPDX-License-Identifier: Apache-2.0
"""Small networks as others make them: no metadata, other sizes, colours, numbers and outputs."""

from pathlib import Path

import numpy as np

from mgn_fast.models.contract import OUTPUT_NAME, Contract
from support.late import late
from support.tiny_model import write_tiny_model

helper = late("onnx.helper")
numpy_helper = late("onnx.numpy_helper")
onnx = late("onnx")

FOREIGN = Contract(
    height=64,
    width=32,
    colour="BGR",
    scale=1.0,
    mean=(100.0, 110.5, 120.0),
    deviation=(50.0, 60.0, 70.25),
    embedding_width=5,
    mirror="none",
    origin="the test",
)
# What torch's older exporter calls the outputs that the recipe gives no name.
TWELVE = (OUTPUT_NAME, *(f"onnx::Gemm_{1000 + 4 * place}" for place in range(3)))
TWELVE += tuple(str(1029 + place) for place in range(8))
_KINDS = {"float32": 1, "float16": 10}  # TensorProto's


def write_foreign_model(
    path, contract=FOREIGN, *, shape=(), half=False, free=False, logits=False, batch_size=None
):
    """Writes it; its embeddings are never zero.

    `shape` is what follows the width, `half` a float16 output, `free` leaves open what it can, and
    `logits` adds an output of seven.
    """
    width = contract.embedding_width
    weights = foreign_weights(contract)
    write_tiny_model(
        path, contract=contract, stored=False, weights=weights, width=width, batch_size=batch_size
    )
    model = onnx.load(path)
    graph = model.graph
    name = graph.output[0].name
    graph.node[-1].output[0] = "rows"
    kind = _KINDS["float16" if half else "float32"]
    shaped = numpy_helper.from_array(np.array([-1, width, *shape], np.int64), "shape")
    added = [
        helper.make_node("Reshape", ["rows", "shape"], ["shaped"]),
        helper.make_node("Cast", ["shaped"], [name], to=kind),
    ]
    axis = "batch" if batch_size is None else batch_size
    outputs = [(name, kind, [axis, "d" if free else width, *shape])]
    if logits:
        seven = np.random.default_rng(7).standard_normal((width, 7)).astype(np.float32)
        graph.initializer.append(numpy_helper.from_array(seven, "seven"))
        added.append(helper.make_node("MatMul", ["rows", "seven"], ["logits"]))
        outputs.append(("logits", _KINDS["float32"], [1, 7]))
    _put(path, model, added, [shaped], outputs)
    if free:
        sizes = graph.input[0].type.tensor_type.shape.dim
        for place, size in enumerate(contract.picture_shape, 1):
            if size != 3:
                sizes[place].dim_param = f"size{place}"
        onnx.save(model, path)
    return Path(path)


def write_twelve_outputs(path, *, seed=0):
    """MGN's tiny stand-in with the recipe's outputs: the embedding, three parts, eight heads."""
    write_tiny_model(path, contract=None, seed=seed)
    model = onnx.load(path)
    added, weights, outputs = [], [], [(TWELVE[0], 1, ["-1", 2048])]
    heads = np.random.default_rng(seed).standard_normal((8, 256, 9)).astype(np.float32)
    for place in range(8):
        slots = {"starts": [256 * place], "ends": [256 * (place + 1)], "axes": [1]}
        for key, value in slots.items():
            weights.append(numpy_helper.from_array(np.array(value, np.int64), f"{key}{place}"))
        weights.append(numpy_helper.from_array(heads[place], f"head{place}"))
        part = TWELVE[1 + place] if place < 3 else f"part{place}"
        ends = [OUTPUT_NAME, *(f"{key}{place}" for key in slots)]
        added.append(helper.make_node("Slice", ends, [part]))
        added.append(helper.make_node("MatMul", [part, f"head{place}"], [TWELVE[4 + place]]))
    outputs += [(name, 1, ["-1", 256]) for name in TWELVE[1:4]]
    outputs += [(name, 1, ["-1", 9]) for name in TWELVE[4:]]
    _put(path, model, added, weights, outputs)
    return Path(path)


def _put(path, model, nodes, weights, outputs):
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(weights)
    del model.graph.output[:]
    model.graph.output.extend(helper.make_tensor_value_info(*entry) for entry in outputs)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def foreign_weights(contract=FOREIGN):
    """Each column stands beside its negative, so that one of the two is above zero."""
    rows = 3 * (contract.height // 16) * (contract.width // 16)
    width = contract.embedding_width
    half = np.random.default_rng(3).standard_normal((rows, -(-width // 2)))
    return np.concatenate([half, -half], axis=1)[:, :width].astype(np.float32)


def foreign_embeddings(pictures, contract=FOREIGN, *, prepared=None):
    """Unit embeddings of uint8 RGB [N, H, W, 3] of the model's size, worked out in NumPy.

    `prepared`, float [N, 3, H, W], goes before what the contract makes of the pictures.
    """
    if prepared is None:
        ordered = pictures[..., ::-1] if contract.colour == "BGR" else pictures
        scaled = ordered.astype(np.float64) / contract.scale
        prepared = ((scaled - contract.mean) / contract.deviation).transpose(0, 3, 1, 2)
    n, _, height, width = prepared.shape
    cells = prepared.astype(np.float64).reshape(n, 3, height // 16, 16, width // 16, 16)
    rows = np.maximum(cells.mean((3, 5)).reshape(n, -1) @ foreign_weights(contract), 0)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def foreign_pictures(count, contract=FOREIGN, seed=0):
    """Pictures of the model's size: nothing is resized."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (count, contract.height // 16, contract.width // 16, 3))
    return np.ascontiguousarray(coarse.astype(np.uint8).repeat(16, 1).repeat(16, 2))
