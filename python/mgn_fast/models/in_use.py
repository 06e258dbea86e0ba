# SPDX-License-Identifier: Apache-2.0
"""The contract that is in use: as it was kept with embeddings, in words, and beside another one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mgn_fast.errors import InvalidInputError
from mgn_fast.models.contract import WEIGHTS_HASH, Contract, contract_from
from mgn_fast.models.presets import with_changes

# What decides the numbers of an embedding, and not merely how a file takes its pictures.
_PREPARING = (
    "height", "width", "colour", "scale", "mean", "deviation", "interpolation", "exif"
)  # fmt: skip
_GIVEN = ("embedding_width", "normalise")


def as_used(contract: Contract, *, mirror: bool) -> Contract:
    """The contract with the mirror as it was really taken.

    Args:
        contract: of the model.
        mirror: whether the mirrored picture was part of the embeddings.

    Returns:
        The contract; the same one where it says so already.
    """
    if mirror == contract.mirrors:
        return contract
    return with_changes(contract, {"mirror": "add" if mirror else "none"})


def kept_contract(kept: Mapping[str, Any], *, where: str) -> Contract | None:
    """The contract that was kept with embeddings, as it was used for them.

    Args:
        kept: has it under "contract", as a dict or as JSON, and "mirror" and "contract_origin"
            beside it.
        where: the file that keeps it, for messages and for the contract's origin.

    Returns:
        The contract; None where none was kept.

    Raises:
        InvalidInputError: a value that no model can have.
    """
    held, mirror, origin = (kept.get(key) for key in ("contract", "mirror", "contract_origin"))
    if held is None:
        return None
    try:
        fields = json.loads(held) if isinstance(held, str) else held
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"{where} has a contract that is no JSON: {error}") from error
    contract = contract_from(fields, source=where)
    if isinstance(mirror, bool):
        contract = as_used(contract, mirror=mirror)
    return replace(contract, origin=f"{where} (there from {origin})" if origin else where)


def in_one_line(contract: Contract) -> str:
    """How pictures are prepared and what the model gives for them, in a line of words.

    Args:
        contract: any.

    Returns:
        Such as "256x128 RGB, opencv-bilinear, scale 255, mean ..., deviation ..., mirror none,
        512 wide".
    """
    said = [f"{contract.height}x{contract.width} {contract.colour}", contract.interpolation]
    said += [f"scale {contract.scale:g}"]
    said += [f"{name} {_spoken(getattr(contract, name))}" for name in ("mean", "deviation")]
    if contract.input != "float32":
        said.append(f"input {contract.input}")
    said.append(f"mirror {contract.mirror}")
    if contract.output is not None:
        said.append(f"output {contract.output!r}")
    if contract.embedding_width is not None:
        said.append(f"{contract.embedding_width} wide")
    if contract.parts is not None:
        said.append(f"{len(contract.parts)} part{'s' if len(contract.parts) > 1 else ''}")
    if contract.exif != "ignore":
        said.append("turned by EXIF")
    if not contract.normalise:
        said.append("not normalised")
    return ", ".join(said)


def differences(ours: Contract, theirs: Contract) -> str:
    """What two contracts say differently of which embeddings depend, in words.

    The element type and layout of the input do not count, nor does who adds the mirror.

    Args:
        ours: one.
        theirs: the other.

    Returns:
        Such as "colour BGR instead of RGB"; "" where they agree.
    """
    names = [*_PREPARING, *_GIVEN]
    if ours.output is not None and theirs.output is not None:
        names.append("output")
    if ours.mirrors != theirs.mirrors:
        names.append("mirror")
    pairs = [(name, getattr(ours, name), getattr(theirs, name)) for name in names]
    return ", ".join(
        f"{name} {_spoken(one)} instead of {_spoken(other)}"
        for name, one, other in pairs
        if one != other
    )


def weights_differ(one: Contract, other: Contract) -> bool:
    """True where both contracts name their weights, and not the same ones.

    A hash of weights and a hash of a checkpoint's file, as earlier versions have it, say nothing of
    each other; nor does a contract that names no weights.

    Args:
        one: a contract.
        other: another.

    Returns:
        False also where it cannot be told.
    """
    kinds = [_kind_of_weights(contract) for contract in (one, other)]
    if "" in kinds or set(kinds) == {"weights", "file"}:
        return False
    return (one.checkpoint_sha256, one.seed) != (other.checkpoint_sha256, other.seed)


def weights_in_words(contract: Contract) -> str:
    """The weights that a contract names: their hash, their seed, or an unnamed origin."""
    kind = _kind_of_weights(contract)
    if kind == "seed":
        return f"random weights of seed {contract.seed}"
    if not kind:
        return "weights of an unnamed origin"
    digits = contract.checkpoint_sha256.removeprefix(WEIGHTS_HASH)[:16]
    what = "weights" if kind == "weights" else "the checkpoint"
    return f"{what} with SHA-256 {digits}..."


def _kind_of_weights(contract: Contract) -> str:
    if contract.checkpoint_sha256:
        return "weights" if contract.checkpoint_sha256.startswith(WEIGHTS_HASH) else "file"
    return "" if contract.seed is None else "seed"


def _spoken(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(f"{number:g}" for number in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
