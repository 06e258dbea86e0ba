# SPDX-License-Identifier: Apache-2.0
"""A picture and its mirror: which rows the network sees of it, and what they add up to.

The embedding is the sum of the features of the picture and of its left-right mirror, to length 1.
Some graphs run both and add them themselves; those see the plain row alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from mgn_fast.errors import InvalidInputError
from mgn_fast.models.contract import Contract
from mgn_fast.pictures.pixels import pack
from mgn_fast.types import AnyArray, F32Array, PathLike, U8Array


def picture_rows(
    contract: Contract | None, model: PathLike, *, mirror: bool | None
) -> tuple[bool, ...]:
    """The rows of a picture in the network's input: False for the plain one, True for its mirror.

    Args:
        contract: of the model; None is a graph that does not fuse.
        model: its file, for the message.
        mirror: whether the mirror is part of the embedding; None as the contract says.

    Returns:
        The plain row first; the mirrored one unless the graph makes it, or it is not wanted.

    Raises:
        InvalidInputError: it is not wanted, and the graph makes it.
    """
    fuses = contract is not None and contract.fuse_mirror
    mirror = with_mirror(contract, mirror=mirror)
    if fuses and not mirror:
        raise InvalidInputError(
            f"mirror is False, but {model} adds the mirrored embedding inside its graph; "
            "export it without fuse_mirror"
        )
    return (False, True) if mirror and not fuses else (False,)


def with_mirror(contract: Contract | None, *, mirror: bool | None) -> bool:
    """Whether the mirror is part of the embedding: as asked, else as the contract says."""
    if mirror is None:
        return contract is None or contract.mirrors
    return mirror


def pack_rows(
    resized: U8Array,
    target: AnyArray,
    mirrors: Sequence[bool],
    contract: Contract | None = None,
) -> None:
    """Writes a picture's rows to the first places of a batch; both in one go.

    Args:
        resized: uint8 RGB of the model's size.
        target: the batch, from the picture's first row on; dtype and shape as `pack` takes them.
        mirrors: of each row whether it is the mirrored one; the plain one first.
        contract: how the model wants its pictures; None is MGN's, as `pack` says.
    """
    if len(mirrors) == 2:
        pack(resized, target[0], mirrored=target[1], contract=contract)
    else:
        pack(resized, target[0], mirror=mirrors[0], contract=contract)


def packed(rows: Sequence[tuple[U8Array, bool]], contract: Contract) -> AnyArray:
    """A batch as the model takes it.

    Args:
        rows: pictures of the model's size, uint8 RGB, each with whether it is to be mirrored.
        contract: how the model wants its pictures.

    Returns:
        [N, ...] of the contract's shape and dtype.
    """
    batch: AnyArray = np.empty((len(rows), *contract.picture_shape), contract.dtype)
    for target, (picture, mirror) in zip(batch, rows, strict=True):
        pack(picture, target, mirror=mirror, contract=contract)
    return batch


def fused(
    total: F32Array,
    refusal: Callable[[str], Exception],
    subject: str,
    remedy: str = "",
    *,
    normalise: bool = True,
) -> F32Array:
    """The sum of a picture's features to length 1; `refusal` makes the error of one without length.

    Args:
        total: float32 [D], the sum of its rows' features.
        refusal: a class of errors, or what makes one of a text.
        subject: first words of the message: which sum it is.
        remedy: last words of the message.
        normalise: False leaves the sum as it is.

    Returns:
        float32 [D], the embedding.
    """
    length = np.linalg.norm(total)
    if not np.isfinite(length) or length == 0:
        raise refusal(f"{subject} length {length}, expected a finite one above 0{remedy}")
    if not normalise:
        return total
    unit: F32Array = total / length
    return unit
