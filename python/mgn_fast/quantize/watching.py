# SPDX-License-Identifier: Apache-2.0
"""The least and largest values of a graph's tensors over some pictures.

Imports onnx, so nothing may import it before onnx is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from mgn_fast.common.threads import thread_count
from mgn_fast.types import AnyArray

# Of ReduceMin and ReduceMax.
_OPSET_WITH_AXES_AS_INPUT = 18


def extremes(
    model: onnx.ModelProto,
    tensors: Mapping[str, int],
    batches: Iterable[AnyArray],
    scratch: Path,
    *,
    by_channel: bool = False,
    threads: int | None = None,
) -> dict[str, tuple[AnyArray, AnyArray]]:
    """Least and largest value of each picture in tensors of a graph, by the tensor's name.

    Args:
        model: with one input.
        tensors: by name their number of axes, without the batch axis.
        batches: the pictures, as the input takes them.
        scratch: a directory for a file as large as the model.
        by_channel: of each channel, the first axis behind the batch, by itself.
        threads: to compute with; None is one per core.

    Returns:
        Two arrays a tensor, float32 [N], or [N, C] by channel.
    """
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    names = []
    for tensor, num_axes in tensors.items():
        axes = list(range(2 if by_channel else 1, 1 + num_axes))
        for kind in ("Min", "Max"):
            names.append(f"{tensor}.{kind}")
            _add_reduction(watched.graph, opset, f"Reduce{kind}", (tensor, names[-1]), axes)
    path = scratch / "extremes.onnx"
    onnx.save_model(watched, path)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = thread_count(threads)
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    weights = {entry.name for entry in model.graph.initializer}
    (given,) = (entry.name for entry in model.graph.input if entry.name not in weights)
    found = [session.run(names, {given: batch}) for batch in batches]
    path.unlink()
    ends = [np.concatenate(parts) for parts in zip(*found, strict=True)]
    return dict(zip(tensors, zip(ends[::2], ends[1::2], strict=True), strict=True))


def _add_reduction(
    graph: onnx.GraphProto, opset: int, kind: str, ends: tuple[str, str], axes: list[int]
) -> None:
    tensor, name = ends
    if opset < _OPSET_WITH_AXES_AS_INPUT:
        node = helper.make_node(kind, [tensor], [name], axes=axes, keepdims=0)
    else:
        values = numpy_helper.from_array(np.array(axes, np.int64), f"{name}.axes")
        graph.initializer.append(values)
        node = helper.make_node(kind, [tensor, values.name], [name], keepdims=0)
    graph.node.append(node)
    graph.output.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
