# SPDX-License-Identifier: Apache-2.0
"""What half precision at a compiled model's two ends does to embeddings, by a model of it.

The reference runs on what AIPP makes of a picture, bit for bit, and its output is rounded as the
device stores it. What is then left between it and the compiled model is the network's own
arithmetic.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import aipp, images, spec
from .agreement import Agreement, compare
from .embedder import Embedder
from .errors import ModelError
from .files import open_regular
from .om_container import sidecar_path
from .types import AnyArray, F32Array, U8Array

MAX_SIDECAR_BYTES = 1 << 20
_HALF_OUTPUT = "--output_type=FP16"


@dataclass(frozen=True)
class HalfEnds:
    """Where a model was compiled to compute in float16 outside the network.

    Attributes:
        aipp: AIPP normalises the pictures.
        output: the embedding is stored as float16.
    """

    aipp: bool
    output: bool

    def __bool__(self) -> bool:
        return self.aipp or self.output


@dataclass(frozen=True)
class Drift:
    """How much of the difference between two models the float16 of AIPP and output explains.

    Attributes:
        ends: which of the two the candidate has.
        worst_input_errors: AIPP's, for red, green and blue, in units of the network's input; None
            without AIPP.
        measured: reference and candidate.
        explained: reference, and the reference with AIPP's arithmetic and a rounded output.
        left: the latter, and the candidate: the network's own arithmetic.
    """

    ends: HalfEnds
    worst_input_errors: tuple[float, float, float] | None
    measured: Agreement
    explained: Agreement
    left: Agreement


def half_ends(reference: Embedder, candidate: Embedder) -> HalfEnds:
    """Which ends of the candidate are float16, and can be modelled with the reference.

    Args:
        reference: the model that would be run.
        candidate: the model that was compiled.

    Returns:
        None of them where the candidate is no .om, or the reference cannot show it.

    Raises:
        ModelError: the file beside the .om cannot be read.
    """
    given, compiled = reference.session.contract, candidate.session.contract
    none = HalfEnds(aipp=False, output=False)
    if candidate.session.backend != "ascend" or given is None or compiled is None:
        return none
    facts = _sidecar(candidate.session.model_path)
    arguments = facts.get("arguments")
    return HalfEnds(
        # A reference that takes pixels normalises them itself: AIPP's result has no way in.
        aipp=facts.get("aipp") is True and given.input == "float32",
        # Rounded before the two halves are added, or after: that has to be the same in both.
        output=isinstance(arguments, list)
        and _HALF_OUTPUT in arguments
        and given.fuse_mirror == compiled.fuse_mirror,
    )


def modelled(embedder: Embedder, pictures: Sequence[images.Source], ends: HalfEnds) -> F32Array:
    """Embeddings by a model whose ends are float16, as the device has them.

    Args:
        embedder: the model, whose input is float32 where `ends` has AIPP.
        pictures: paths, bytes or arrays.
        ends: what to round.

    Returns:
        float32 [N, 2048], rows of length 1.
    """
    contract = embedder.session.contract
    halves = (
        (False, True) if embedder.mirror and not (contract and contract.fuse_mirror) else (False,)
    )
    resized = [images.resize(images.decode(picture)) for picture in pictures]
    total = np.zeros((len(resized), spec.EMBEDDING_WIDTH), np.float32)
    for mirror in halves:
        features = embedder.session.run(_inputs(embedder, resized, ends, mirror=mirror))
        total += features.astype(np.float16).astype(np.float32) if ends.output else features
    unit: F32Array = total / np.linalg.norm(total, axis=1, keepdims=True)
    return unit


def explain(
    embedder: Embedder,
    pictures: Sequence[images.Source],
    ends: HalfEnds,
    reference: F32Array,
    candidate: F32Array,
) -> Drift:
    """Splits the difference of two models' embeddings into what the ends explain and what is left.

    Args:
        embedder: the reference.
        pictures: paths, bytes or arrays, at least one.
        ends: of the candidate.
        reference: float32 [N, D], what the reference gave for the pictures.
        candidate: float32 [N, D], what the candidate gave.

    Returns:
        The parts.
    """
    expected = modelled(embedder, pictures, ends)
    return Drift(
        ends=ends,
        worst_input_errors=aipp.worst_errors() if ends.aipp else None,
        measured=compare(reference, candidate),
        explained=compare(reference, expected),
        left=compare(expected, candidate),
    )


def _inputs(
    embedder: Embedder, resized: Sequence[U8Array], ends: HalfEnds, *, mirror: bool
) -> AnyArray:
    session = embedder.session
    inputs = np.empty((len(resized), *session.input_shape), session.input_dtype)
    for place, picture in enumerate(resized):
        if ends.aipp:
            pixels = np.ascontiguousarray(picture[:, ::-1]) if mirror else picture
            inputs[place] = aipp.normalise(pixels[None])[0]
        else:
            images.pack(picture, inputs[place], mirror=mirror)
    return inputs


def _sidecar(path: Path) -> dict[str, object]:
    """What `compile_om` wrote beside the model; the session has read its contract already."""
    sidecar = sidecar_path(path)
    try:
        with open_regular(sidecar) as file:
            facts = json.loads(file.read(MAX_SIDECAR_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{sidecar} cannot be read: {error!r}; compile the model again") from error
    return facts if isinstance(facts, dict) else {}
