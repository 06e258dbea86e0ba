# SPDX-License-Identifier: Apache-2.0
"""Which numbers a model computes in: what may be asked of a file, quantised or not.

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
    """True if any of a graph's operators rounds to integers: then the graph is quantised."""
    return not _QUANTISING.isdisjoint(kinds)


def precision_of(path: Path, asked: Precision | None, *, quantised: bool) -> Precision:
    """The numbers that a file runs in: int8 for a quantised one and for no other.

    Args:
        path: the file, for messages.
        asked: the caller's wish; None takes what the file is.
        quantised: whether the file is.

    Returns:
        The precision: "float32" for a file that is not quantised, where `asked` is None.

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
