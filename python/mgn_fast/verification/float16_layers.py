# SPDX-License-Identifier: Apache-2.0
"""Where float16 loses inside a network: each operator's result on the simulator, beside float32's.

One pass of a few pictures in float32 and one in float16, with the results of all operators kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mgn_fast.cann import aipp
from mgn_fast.cann.host import is_simulated
from mgn_fast.common.threads import thread_count
from mgn_fast.embedding.mirroring import packed
from mgn_fast.inference.session import Session
from mgn_fast.pictures.pixels import Source, decode, resize_for
from mgn_fast.simulator.float16 import Layer, rewritten, stated_precision
from mgn_fast.simulator.om_file import carried_onnx
from mgn_fast.simulator.onnx_graph import Graph, with_outputs
from mgn_fast.types import AnyArray
from mgn_fast.verification.findings import LayerLoss, Prediction

if TYPE_CHECKING:
    import onnxruntime

_DTYPES = {"tensor(float)": "float32", "tensor(float16)": "float16"}


def predict(session: Session, pictures: Sequence[Source]) -> Prediction | None:
    """Which operators of a simulated .om lose how much to float16.

    Args:
        session: of the .om, on the simulator.
        pictures: paths, bytes or arrays; some four are enough.

    Returns:
        The findings; None for another model, and for one that computes in float32.

    Raises:
        ModelError: the file cannot be read, or states a precision that this version cannot keep.
    """
    if session.backend != "ascend" or not is_simulated():
        return None
    network = carried_onnx(session.model_path)
    precision = stated_precision(network) if network else None
    if precision is None or precision.mode == "origin":
        return None
    reduced, layers = rewritten(network, precision)
    sessions = [_opened(content, layers) for content in (network, reduced)]
    names = [layer.gives for layer in layers]
    difference, length = np.zeros(len(names)), np.zeros(len(names))
    for fed in _inputs(session, pictures, sessions[0]):
        feed = {sessions[0].get_inputs()[0].name: fed}
        pairs = zip(*(one.run(names, feed) for one in sessions), strict=True)
        for place, (exact, got) in enumerate(pairs):
            wide = exact.astype(np.float64)
            difference[place] += np.square(got - wide).sum()
            length[place] += np.square(wide).sum()
    errors = np.sqrt(difference / np.where(length > 0, length, 1))
    return Prediction(
        mode=precision.mode,
        saturates=precision.saturate,
        num_pictures=len(pictures),
        layers=_losses(layers, dict(zip(names, errors.tolist(), strict=True))),
    )


def _losses(layers: Sequence[Layer], errors: dict[str, float]) -> tuple[LayerLoss, ...]:
    return tuple(
        LayerLoss(
            layer.name,
            layer.kind,
            layer.computes.value,
            errors[layer.gives],
            errors[layer.gives] - max((errors.get(name, 0.0) for name in layer.takes), default=0.0),
        )
        for layer in layers
    )


def _opened(content: bytes, layers: Sequence[Layer]) -> onnxruntime.InferenceSession:
    """A network that gives the results of its operators too."""
    import onnxruntime

    outputs = set(Graph(content).outputs)
    content = with_outputs(content, [one.gives for one in layers if one.gives not in outputs])
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = thread_count()
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _inputs(
    session: Session, pictures: Sequence[Source], network: onnxruntime.InferenceSession
) -> Iterator[AnyArray]:
    """What the network is fed, a picture at a time; alike ones where its batch is larger."""
    contract = session.require_contract()
    entry: Any = network.get_inputs()[0]
    copies = entry.shape[0] if isinstance(entry.shape[0], int) else 1
    for picture in pictures:
        resized = resize_for(decode(picture, exif=contract.exif), contract)
        fed = packed([(resized, False)] * copies, contract)
        if contract.input == "uint8" and entry.type != "tensor(uint8)":
            fed = aipp.normalise(fed, contract)
        yield fed.astype(_DTYPES.get(entry.type, fed.dtype.name))
