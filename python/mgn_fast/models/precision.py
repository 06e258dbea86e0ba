# SPDX-License-Identifier: Apache-2.0
"""In which numbers a model computes: what a caller may ask of a file that is, or is not, quantised.

A quantised file holds int8 weights and says itself where it rounds; it cannot be run as float32.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, get_args

from mgn_fast.common.checks import one_of
from mgn_fast.errors import InvalidInputError

Precision = Literal["float32", "bf16", "int8"]

# Operators that only a quantised file has, by ONNX's names and by OpenVINO's.
_QUANTISING = frozenset(
    {
        "QuantizeLinear",
        "DynamicQuantizeLinear",
        "QLinearConv",
        "QLinearMatMul",
        "ConvInteger",
        "MatMulInteger",
        "FakeQuantize",
    }
)


def quantises(kinds: Iterable[str]) -> bool:
    """Whether a graph of these operators is quantised.

    Args:
        kinds: names of operators.

    Returns:
        True if any of them rounds to integers.
    """
    return not _QUANTISING.isdisjoint(kinds)


def precision_of(path: Path, asked: Precision | None, *, quantised: bool) -> Precision:
    """What a file runs in; a quantised one runs in int8 and no other does.

    Args:
        path: the file, for messages.
        asked: the caller's wish; None takes what the file is.
        quantised: whether the file is.

    Returns:
        The precision: "float32" for a file that is not quantised, if nobody asked.

    Raises:
        InvalidInputError: the file cannot run so, or the word is none of the three.
    """
    if asked is None:
        return "int8" if quantised else "float32"
    one_of("precision", asked, get_args(Precision))
    if quantised and asked != "int8":
        raise InvalidInputError(
            f"precision is {asked!r}, but {path} is quantised; expected 'int8', or the model that "
            "it was made from"
        )
    if asked == "int8" and not quantised:
        raise InvalidInputError(
            f"precision is 'int8', but {path} is not quantised; run "
            f"`mgn-fast quantize {path} --images DIR -o OUT.onnx` and open what that writes"
        )
    return asked
