# SPDX-License-Identifier: Apache-2.0
"""Where float16 loses inside a network: each operator's result on the simulator, beside float32's.

A few pictures in float32 and in float16, with the results of some operators kept at a time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mgn_fast.cann import aipp
from mgn_fast.common.threads import thread_count
from mgn_fast.embedding.mirroring import packed
from mgn_fast.inference.session import Session
from mgn_fast.models.onnx_file import described_in, read_bytes
from mgn_fast.models.precision import quantises
from mgn_fast.pictures.pixels import Source, decode, resize_for
from mgn_fast.simulator.float16 import Layer, rewritten, stated_precision
from mgn_fast.simulator.om_file import carried_onnx
from mgn_fast.simulator.onnx_graph import FLOAT16, Graph, with_outputs
from mgn_fast.types import AnyArray
from mgn_fast.verification.findings import LayerLoss, Prediction

if TYPE_CHECKING:
    import onnxruntime

# ONNX Runtime holds what a graph gives until a run ends, asked for or not. So few are given at a
# time, by networks that are opened for them: all of MGN's for one picture, as opening it takes
# seconds; for a batch as many fewer, down to the least.
RESULTS_AT_ONCE = 320
LEAST_NAMES_AT_ONCE = 20
_DTYPES = {"tensor(float)": "float32", "tensor(float16)": "float16"}


def predict(session: Session, pictures: Sequence[Source]) -> Prediction | None:
    """Which operators of a simulated .om lose how much to float16.

    Args:
        session: of the .om, on the simulator.
        pictures: paths, bytes or arrays; some four are enough.

    Returns:
        The findings; None for another model, and for one that computes in float32, or is written
        in float16 throughout: then there is nothing to compare with.

    Raises:
        ModelError: the file cannot be read, or states a precision that this version cannot keep.
    """
    if not session.simulated:
        return None
    network = carried_onnx(session.model_path)
    precision = stated_precision(network) if network else None
    if precision is None or precision.mode == "origin":
        return None
    reduced, layers = rewritten(network, precision)
    if not layers:
        return None
    names = [name for layer in layers for name in layer.gives]
    losses = _compared(session, pictures, (network, reduced), names)
    return Prediction(
        mode=precision.mode,
        saturates=precision.saturate,
        num_pictures=len(pictures),
        layers=tuple(_loss(layer, losses) for layer in layers),
    )


def is_float32(session: Session) -> bool:
    """Whether a reference computes in float32 throughout, so that a difference from it is all.

    Args:
        session: the reference's; as an .onnx, at its own precision.

    Returns:
        False too where that cannot be told: other files than .onnx and simulated .om.

    Raises:
        ModelError: as `predict`.
    """
    if session.backend != "ascend":
        is_onnx = session.model_path.suffix == ".onnx"
        return is_onnx and _is_float32(read_bytes(session.model_path))
    network = carried_onnx(session.model_path) if session.simulated else b""
    if not network:
        return False
    precision = stated_precision(network)
    return (precision is None or precision.mode == "origin") and _is_float32(network)


def _is_float32(network: bytes) -> bool:
    graph = Graph(network)
    return not (graph.holds(FLOAT16) or quantises(node.kind for node in graph.nodes))


@dataclass
class _Loss:
    """Squares of a tensor's difference from float32's, and of that one, summed over pictures."""

    difference: float = 0.0
    length: float = 0.0
    overflows: bool = False

    @property
    def error(self) -> float | None:
        if self.overflows:
            return None
        return math.sqrt(self.difference / (self.length or 1.0))

    def add(self, exact: AnyArray, got: AnyArray) -> None:
        """Counts one picture's; where float32 is not finite itself nothing is compared."""
        finite = np.isfinite(exact)
        wide, found = exact[finite].astype(np.float64), got[finite]
        if not np.isfinite(found).all():
            self.overflows = True
            return
        self.difference += float(np.square(found - wide).sum())
        self.length += float(np.square(wide).sum())


def _compared(
    session: Session, pictures: Sequence[Source], networks: tuple[bytes, bytes], names: list[str]
) -> dict[str, _Loss]:
    """What each tensor loses from the first network to the second."""
    losses = {name: _Loss() for name in names}
    entry = described_in(networks[0], session.model_path).inputs[0]
    at_once = max(LEAST_NAMES_AT_ONCE, RESULTS_AT_ONCE // _copies(entry.shape))
    for first in range(0, len(names), at_once):
        some = names[first : first + at_once]
        opened = [_opened(content, some) for content in networks]
        for copies, fed in _inputs(session, pictures, opened[0]):
            feed = {opened[0].get_inputs()[0].name: fed}
            pairs = zip(*(one.run(some, feed) for one in opened), strict=True)
            for name, (exact, got) in zip(some, pairs, strict=True):
                alike = copies > 1 and exact.ndim > 0 and len(exact) == copies
                rows = slice(0, 1) if alike else ...
                losses[name].add(exact[rows], got[rows])
    return losses


def _loss(layer: Layer, losses: Mapping[str, _Loss]) -> LayerLoss:
    given = [losses[name] for name in layer.gives]
    whole = _Loss(
        sum(one.difference for one in given),
        sum(one.length for one in given),
        any(one.overflows for one in given),
    )
    taken = [losses[name].error for name in layer.takes if name in losses]
    return LayerLoss(
        layer.name,
        layer.kind,
        layer.computes.value,
        whole.error,
        _added(whole.error, taken),
        whole.overflows,
    )


def _added(error: float | None, taken: Sequence[float | None]) -> float | None:
    known = [one for one in taken if one is not None]
    if error is None or None in taken:
        return None
    return error - max(known, default=0.0)


def _opened(content: bytes, names: Sequence[str]) -> onnxruntime.InferenceSession:
    """A network that gives some of its operators' results too."""
    import onnxruntime

    outputs = set(Graph(content).outputs)
    content = with_outputs(content, [name for name in names if name not in outputs])
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = thread_count()
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _copies(shape: Sequence[int | str | None]) -> int:
    """Of each picture, to fill the batch of an input of this shape."""
    return shape[0] if isinstance(shape[0], int) else 1


def _inputs(
    session: Session, pictures: Sequence[Source], network: onnxruntime.InferenceSession
) -> Iterator[tuple[int, AnyArray]]:
    """What the network is fed, a picture at a time: how many times, and the batch of them."""
    contract = session.require_contract()
    entry: Any = network.get_inputs()[0]
    copies = _copies(entry.shape)
    for picture in pictures:
        resized = resize_for(decode(picture, exif=contract.exif), contract)
        fed = packed([(resized, False)] * copies, contract)
        if contract.input == "uint8" and entry.type != "tensor(uint8)":
            fed = aipp.normalise(fed, contract)
        yield copies, fed.astype(_DTYPES.get(entry.type, fed.dtype.name))
