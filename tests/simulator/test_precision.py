# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from mgn_fast.errors import InvalidInputError, ModelError
from mgn_fast.simulator.atc.options import parse
from mgn_fast.simulator.precision import (
    MODES,
    Computes,
    Precision,
    kept_in,
    onnx_kind,
    saturates,
    with_lists,
)

HALF, HALF_IN, FULL = Computes.FLOAT16, Computes.FLOAT16_IN, Computes.FLOAT32


@pytest.mark.parametrize(
    ("mode", "conv", "softmax", "relu_after_half", "relu_after_full"),
    [
        ("float16", HALF, HALF, HALF, HALF),
        ("mixed", HALF, FULL, HALF, FULL),
        ("matrix", HALF, FULL, FULL, FULL),
        ("matrix_in", HALF_IN, FULL, FULL, FULL),
        ("origin", FULL, FULL, FULL, FULL),
    ],
)
def test_a_mode_decides_by_kind(mode, conv, softmax, relu_after_half, relu_after_full):
    precision = Precision(mode)
    assert precision.of("a", "Conv", after_float16=False) is conv
    assert precision.of("b", "Softmax", after_float16=True) is softmax
    assert precision.of("c", "Relu", after_float16=True) is relu_after_half
    assert precision.of("c", "Relu", after_float16=False) is relu_after_full


@pytest.mark.parametrize("mode", ["float16", "mixed", "matrix", "matrix_in"])
def test_what_is_kept_stays_in_float32(mode):
    precision = Precision(mode, kept=kept_in("conv1\n\nOpType::MatMulV2\n"))
    assert precision.of("conv1", "Conv", after_float16=True) is FULL
    assert precision.of("any", "MatMul", after_float16=True) is FULL
    assert precision.of("conv2", "Conv", after_float16=True) is not FULL


def test_lists_move_kinds_between_them():
    changes = {
        "white-list": {"to-remove": ["Conv2D"], "to-add": ["SoftmaxV2"]},
        "black-list": {"to-add": ["Relu"], "to-remove": ["Pow"]},
        "gray-list": {"to-add": ["Gemm"]},
    }
    precision = with_lists(Precision("mixed"), changes)
    for kind, before, after in (
        ("Conv", FULL, HALF),
        ("Softmax", HALF, HALF),
        ("Relu", FULL, FULL),
        ("Pow", FULL, HALF),
        ("Gemm", FULL, HALF),
        ("MatMul", HALF, HALF),
    ):
        assert precision.of("x", kind, after_float16=False) is before, kind
        assert precision.of("x", kind, after_float16=True) is after, kind


@pytest.mark.parametrize(
    "changes", [{"red-list": {}}, {"white-list": ["Conv2D"]}, {"white-list": {"add": []}}]
)
def test_lists_of_another_form_are_refused(changes):
    with pytest.raises(InvalidInputError, match="expected"):
        with_lists(Precision("mixed"), changes)


@pytest.mark.parametrize(
    ("ascend", "onnx"),
    [
        ("Conv2D", "Conv"),
        ("BatchMatMulV2", "MatMul"),
        ("ReduceSumD", "ReduceSum"),
        ("Relu", "Relu"),
    ],
)
def test_ascends_kinds_have_onnx_names(ascend, onnx):
    assert onnx_kind(ascend) == onnx


@pytest.mark.parametrize(
    ("soc_version", "expected"),
    [
        ("Ascend310", True),
        ("Ascend310P3", True),
        ("Ascend310B4", True),
        ("Ascend910A", True),
        ("Ascend910B3", False),
        ("Ascend910_9391", False),
    ],
)
def test_older_chips_saturate(soc_version, expected):
    assert saturates(soc_version) is expected


def test_a_precision_survives_its_text():
    precision = Precision("mixed", False, ("a", "::Conv"), ("Gemm",), ())
    assert Precision.from_json(precision.to_json()) == precision


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"mode": "float8", "kept": [], "allowed": [], "forbidden": []}']
)
def test_a_text_that_is_none_is_refused(text):
    with pytest.raises(ModelError, match="compile it again"):
        Precision.from_json(text)


def test_a_field_of_a_later_version_is_refused():
    given = json.loads(Precision().to_json()) | {"rounding": "stochastic"}
    with pytest.raises(ModelError, match="rounding"):
        Precision.from_json(json.dumps(given))


def test_every_mode_is_one_of_atcs():
    for word in MODES:
        option = "precision_mode_v2"
        try:
            parse([f"--{option}={word}"])
        except Exception:
            parse([f"--precision_mode={word}"])
