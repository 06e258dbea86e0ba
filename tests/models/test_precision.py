# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from mgn_fast import InvalidInputError
from mgn_fast.models.precision import precision_of, quantises

MODEL = Path("mgn.onnx")


@pytest.mark.parametrize(
    ("asked", "quantised", "expected"),
    [
        (None, False, "float32"),
        (None, True, "int8"),
        ("float32", False, "float32"),
        ("bf16", False, "bf16"),
        ("int8", True, "int8"),
    ],
)
def test_a_file_runs_in_what_it_is_unless_asked(asked, quantised, expected):
    assert precision_of(MODEL, asked, quantised=quantised) == expected


@pytest.mark.parametrize(
    ("asked", "quantised", "message"),
    [
        ("int8", False, r"not quantised; run `mgn-fast quantize mgn\.onnx --images DIR"),
        ("float32", True, "'float32', but mgn.onnx is quantised; expected 'int8'"),
        ("bf16", True, "'bf16', but mgn.onnx is quantised"),
        ("float16", False, "'float16', expected one of"),
    ],
)
def test_what_a_file_cannot_run_in_is_refused(asked, quantised, message):
    with pytest.raises(InvalidInputError, match=message):
        precision_of(MODEL, asked, quantised=quantised)


@pytest.mark.parametrize("kind", ["QuantizeLinear", "QLinearConv", "FakeQuantize"])
def test_a_file_that_rounds_is_quantised(kind):
    assert quantises(["Conv", kind, "Relu"])
    assert not quantises(["Conv", "Relu", "Cast"])
