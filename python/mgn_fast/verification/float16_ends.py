# SPDX-License-Identifier: Apache-2.0
"""What float16 at a compiled model's two ends does to its embeddings, computed in a model of it.

The reference runs on what AIPP makes of a picture, bit for bit, and its output is rounded as the
device stores it. What is then left between it and the compiled model is the network's own
arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mgn_fast.cann import aipp
from mgn_fast.embedding.mirroring import fused, packed, picture_rows
from mgn_fast.errors import ModelError
from mgn_fast.evaluation.agreement import compare
from mgn_fast.inference.session import Session
from mgn_fast.models.contract import Contract
from mgn_fast.models.om_file import read_sidecar
from mgn_fast.pictures.pixels import Source, decode, resize_for
from mgn_fast.types import AnyArray, F32Array, U8Array
from mgn_fast.verification.findings import Drift, Float16Ends

_HALF_OUTPUT = "--output_type=FP16"


def find_float16_ends(reference: Session, candidate: Session) -> Float16Ends:
    """Which ends of the candidate are float16, and can be modelled with the reference.

    Args:
        reference: the model that would be run.
        candidate: the model that was compiled.

    Returns:
        Both False where the candidate is no .om, or the reference cannot show it.

    Raises:
        ModelError: the file beside the .om cannot be read.
    """
    given, compiled = reference.contract, candidate.contract
    none = Float16Ends(aipp=False, output=False)
    if candidate.backend != "ascend" or given is None or compiled is None:
        return none
    facts = read_sidecar(candidate.model_path) or {}
    arguments = facts.get("arguments")
    return Float16Ends(
        # A reference that takes pixels normalises them itself: AIPP's result, float planes, has no
        # way in.
        aipp=facts.get("aipp") is True and (given.input, given.layout) == ("float32", "NCHW"),
        # Rounded before the two halves are added, or after: that has to be the same in both.
        output=isinstance(arguments, list)
        and _HALF_OUTPUT in arguments
        and given.fuse_mirror == compiled.fuse_mirror,
    )


def modelled(
    session: Session, pictures: Sequence[Source], ends: Float16Ends, *, mirror: bool
) -> F32Array:
    """Embeddings by a model whose ends are float16, as the device has them.

    Args:
        session: of the model, which has a contract; its input is float32 NCHW where `ends` has
            AIPP.
        pictures: paths, bytes or arrays.
        ends: what to round.
        mirror: whether the mirrored embedding is added.

    Returns:
        float32 [N, D], rows of length 1 unless the contract says otherwise.
    """
    contract = session.require_contract()
    resized = [resize_for(decode(picture, exif=contract.exif), contract) for picture in pictures]
    total = np.zeros((len(resized), session.embedding_width), np.float32)
    for mirrored in picture_rows(contract, session.model_path, mirror=mirror):
        features = session.run(_inputs(contract, resized, ends, mirror=mirrored))
        total += features.astype(np.float16).astype(np.float32) if ends.output else features
    subject, normalise = "a modelled embedding has", contract.normalise
    return np.stack([fused(row, ModelError, subject, normalise=normalise) for row in total])


def explain(
    session: Session,
    pictures: Sequence[Source],
    ends: Float16Ends,
    reference: F32Array,
    candidate: F32Array,
    *,
    mirror: bool,
) -> Drift:
    """The difference of two models' embeddings, split into what the ends explain and what is left.

    Args:
        session: of the reference.
        pictures: paths, bytes or arrays, at least one.
        ends: of the candidate.
        reference: float32 [N, D], what the reference gave for the pictures.
        candidate: float32 [N, D], what the candidate gave.
        mirror: whether both have the mirrored embedding in them.

    Returns:
        The parts.
    """
    expected = modelled(session, pictures, ends, mirror=mirror)
    return Drift(
        ends=ends,
        worst_input_errors=aipp.worst_errors(session.require_contract()) if ends.aipp else None,
        measured=compare(reference, candidate),
        explained=compare(reference, expected),
        left=compare(expected, candidate),
    )


def _inputs(
    contract: Contract, resized: Sequence[U8Array], ends: Float16Ends, *, mirror: bool
) -> AnyArray:
    """The network's input: exact, or what AIPP makes of the bytes that the device is given."""
    rows = [(picture, mirror) for picture in resized]
    if not ends.aipp:
        return packed(rows, contract)
    fed = packed(rows, replace(contract, input="uint8", layout="NHWC"))
    return aipp.normalise(fed, contract).astype(contract.dtype)
