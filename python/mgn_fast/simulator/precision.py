# SPDX-License-Identifier: Apache-2.0
"""Which operators of a compiled network compute in float16: ATC's precision modes, layer by layer.

A simulated .om says it in its ONNX's metadata. One that says nothing, as older versions wrote them,
computes in float32.
"""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from mgn_fast.common.checks import one_of
from mgn_fast.errors import InvalidInputError, ModelError

METADATA_KEY = "mgn_fast.simulated_precision"

Mode = Literal["float16", "mixed", "matrix", "matrix_in", "origin"]
# By --precision_mode's words and --precision_mode_v2's.
MODES: dict[str, Mode] = {
    "force_fp16": "float16",
    "fp16": "float16",
    "allow_mix_precision": "mixed",
    "allow_mix_precision_fp16": "mixed",
    "mixed_float16": "mixed",
    "allow_fp32_to_fp16": "matrix",
    "force_fp32": "matrix_in",
    "cube_fp16in_fp32out": "matrix_in",
    "must_keep_origin_dtype": "origin",
    "origin": "origin",
}
MATRIX = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
# CANN's own lists come with its operators and differ between chips. These are the kinds that lose
# most in float16: sums over many numbers, and what grows or shrinks without bounds.
NEVER_REDUCED = frozenset(
    {
        "Exp",
        "InstanceNormalization",
        "LayerNormalization",
        "Log",
        "LogSoftmax",
        "LpNormalization",
        "Pow",
        "Reciprocal",
        "ReduceL2",
        "ReduceLogSumExp",
        "ReduceMean",
        "ReduceSum",
        "ReduceSumSquare",
        "Softmax",
        "Sqrt",
    }
)
# Ascend's names of kinds that ONNX calls otherwise; endings V2 and D are left out.
_ASCEND = {
    "Conv2D": "Conv",
    "DepthwiseConv2D": "Conv",
    "Conv2DTranspose": "ConvTranspose",
    "BatchMatMul": "MatMul",
    "GEMM": "Gemm",
    "BNInference": "BatchNormalization",
    "Pooling": "MaxPool",
    "AvgPool": "AveragePool",
    "RealDiv": "Div",
}
# Of products that follow IEEE 754: an overflow is infinite. The others only saturate.
_INFINITE = re.compile(r"Ascend(910B|910_9|950|960)")


class Computes(enum.Enum):
    """How one operator computes."""

    FLOAT16 = "float16"  # takes and gives it
    FLOAT16_IN = "float16 in"  # takes it and gives float32
    FLOAT32 = "float32"


@dataclass(frozen=True)
class Precision:
    """What the operators of a network compute in.

    Attributes:
        mode: "float16": all of them. "mixed": those that may, by the lists. "matrix": products of
            matrices, convolutions among them. "matrix_in": those too, with a float32 result.
            "origin": none.
        saturate: overflow is +-65504, not infinite.
        kept: names of operators, and "::KIND" for kinds, that stay in float32.
        allowed: kinds that "mixed" computes in float16.
        forbidden: kinds that it does not. All others do as what they take its values from.
    """

    mode: Mode = "float16"
    saturate: bool = True
    kept: tuple[str, ...] = ()
    allowed: tuple[str, ...] = tuple(sorted(MATRIX))
    forbidden: tuple[str, ...] = tuple(sorted(NEVER_REDUCED))

    def __post_init__(self) -> None:
        one_of("mode", self.mode, get_args(Mode))

    def of(self, name: str, kind: str, *, after_float16: bool) -> Computes:
        """How an operator computes.

        Args:
            name: its own.
            kind: ONNX's name of it.
            after_float16: all that it takes, weights aside, comes from operators in float16.

        Returns:
            Which numbers it takes and gives.
        """
        if self.mode == "origin" or name in self.kept or f"::{kind}" in self.kept:
            return Computes.FLOAT32
        if self.mode == "matrix_in":
            return Computes.FLOAT16_IN if kind in MATRIX else Computes.FLOAT32
        if self.mode == "matrix":
            reduced = kind in MATRIX
        elif self.mode == "mixed":
            reduced = kind in self.allowed or (kind not in self.forbidden and after_float16)
        else:
            reduced = True
        return Computes.FLOAT16 if reduced else Computes.FLOAT32

    def to_json(self) -> str:
        """As it stands in an ONNX's metadata."""
        return json.dumps(asdict(self), sort_keys=True)

    @staticmethod
    def from_json(text: str) -> Precision:
        """The precision that a file states; ModelError where this version cannot keep it."""
        try:
            given = json.loads(text)
            given |= {key: tuple(map(str, given[key])) for key in _LISTS}
            return Precision(**given)
        except (ValueError, TypeError, KeyError, AttributeError, InvalidInputError) as error:
            raise ModelError(
                f"the simulated .om states a precision that this version does not know: {error}; "
                "compile it again"
            ) from error


_LISTS = ("kept", "allowed", "forbidden")


def saturates(soc_version: str) -> bool:
    """True for chips on which an overflow in float16 is the largest number, not infinite."""
    return _INFINITE.match(soc_version) is None


def kept_in(text: str) -> tuple[str, ...]:
    """Operators that a file of --keep_dtype names: a name a line, or OpType::KIND."""
    lines = [line.strip() for line in text.splitlines()]
    return tuple(
        f"::{onnx_kind(line.removeprefix('OpType::'))}" if line.startswith("OpType::") else line
        for line in lines
        if line
    )


def with_lists(precision: Precision, given: Mapping[str, Any]) -> Precision:
    """The precision with its lists changed as a file of --modify_mixlist says.

    Args:
        precision: with the lists as they are.
        given: the file's "black-list", "white-list" and "gray-list", each with "to-add" and
            "to-remove".

    Returns:
        The changed one.

    Raises:
        InvalidInputError: another list, or no kinds in one.
    """
    lists = {"white-list": set(precision.allowed), "black-list": set(precision.forbidden)}
    for name, changes in given.items():
        one_of("a list of --modify_mixlist", name, (*lists, "gray-list"))
        if not isinstance(changes, dict) or not changes.keys() <= {"to-add", "to-remove"}:
            raise InvalidInputError(f'{name} is {changes!r}, expected "to-add" and "to-remove"')
        removed = {onnx_kind(str(kind)) for kind in changes.get("to-remove", ())}
        added = {onnx_kind(str(kind)) for kind in changes.get("to-add", ())}
        if name in lists:
            lists[name] -= removed
        for kinds in lists.values():
            kinds -= added
        if name in lists:
            lists[name] |= added
    return Precision(
        precision.mode,
        precision.saturate,
        precision.kept,
        tuple(sorted(lists["white-list"])),
        tuple(sorted(lists["black-list"])),
    )


def onnx_kind(ascend: str) -> str:
    """ONNX's name of a kind that Ascend calls so.

    Args:
        ascend: a type of operators, as CANN's files name it.

    Returns:
        The kind; the same word where ONNX calls it so too.

    Example:
        >>> onnx_kind("MatMulV2"), onnx_kind("Conv2D"), onnx_kind("Relu")
        ('MatMul', 'Conv', 'Relu')
    """
    plain = re.sub(r"(?<=[a-z])(V\d|D|V\dD)$", "", ascend)
    return _ASCEND.get(ascend, _ASCEND.get(plain, plain))
