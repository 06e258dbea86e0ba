# SPDX-License-Identifier: Apache-2.0
"""Which output is meant, and whether a contract is a model's; with sessions in tests/inference."""

from dataclasses import replace
from pathlib import Path

import pytest

from mgn_fast import ModelError
from mgn_fast.models.contract import Contract
from mgn_fast.models.fit import (
    completed_shape,
    described,
    embeddings_output,
    fitted_to,
    no_embeddings,
    width_of,
)
from mgn_fast.models.onnx_file import OnnxTensor

MODEL = Path("m.onnx")
CONTRACT = Contract(height=64, width=32, embedding_width=None, origin="a test")


def out(name, *shape, dtype="float32"):
    return OnnxTensor(name, dtype, ("n", *shape))


def test_a_contract_takes_the_models_width_and_keeps_its_own_where_that_is_open():
    got = fitted_to(MODEL, CONTRACT, "float32", [3, 64, 32], 5)
    assert got == replace(CONTRACT, embedding_width=5)
    assert got.origin == "a test"
    assert fitted_to(MODEL, got, "float32", [3, 64, 32], None) == got
    assert fitted_to(MODEL, CONTRACT, "float32", [3, 64, 32], None) == CONTRACT


@pytest.mark.parametrize(
    ("dtype", "shape", "width", "message"),
    [
        ("uint8", (3, 64, 32), 5, "expected input 'uint8'"),
        ("", (3, 64, 32), 5, "expected input ''"),
        ("float32", (3, 128, 32), 5, "expected layout 'NCHW', height 128 and width 32"),
        ("float32", (64, 32, 3), 5, "expected layout 'NHWC', height 64 and width 32"),
        ("float32", (1, 64, 32), 5, "expected a model of pictures with three channels"),
        ("float32", (64,), 5, "expected a model of pictures with three channels"),
        ("float32", (3, 64, 32), 6, "embeddings 6 wide, .*a test. says embedding_width 5"),
    ],
)
def test_a_contract_of_another_model_is_refused(dtype, shape, width, message):
    with pytest.raises(ModelError, match=message) as error:
        fitted_to(MODEL, replace(CONTRACT, embedding_width=5), dtype, shape, width)
    assert str(error.value).startswith("m.onnx ")


def test_what_a_file_leaves_free_is_the_contracts():
    assert completed_shape((3, "h", -1), CONTRACT) == (3, 64, 32)
    assert completed_shape(("c", 60, 30), CONTRACT) == (3, 60, 30)
    assert completed_shape((3, "h", "w"), None) == (3, "h", "w")
    assert completed_shape((3, "h"), CONTRACT) == (3, "h")


@pytest.mark.parametrize(
    ("outputs", "wanted", "name"),
    [
        ([out("a", 4)], "", "a"),
        ([out("a", "d")], "", "a"),
        ([out("a", 4, "h", "w")], "", "a"),
        ([out("a", 4), out("features", 4)], "", "features"),
        ([out("a", 4), out("features", 4)], "a", "a"),
        ([out("a", 4, dtype="float16"), out("b", 4, 2, 2), out("c", 4, dtype="int64")], "", "a"),
    ],
)
def test_the_output_is_the_one_named_the_only_one_or_the_only_one_of_embeddings(
    outputs, wanted, name
):
    assert embeddings_output(MODEL, outputs, wanted).name == name


@pytest.mark.parametrize(
    ("outputs", "wanted", "message"),
    [
        ([out("a", 4), out("b", 4)], "", "has 2 outputs: a float32 .*; b float32 .* as output in"),
        ([out("a", 4)], "b", r"no output 'b', expected one of: a float32 \['n', 4\]"),
        ([out("a", 4, 2)], "", r"has output a float32 \['n', 4, 2\], expected float32 or float16"),
        ([out("a", 4, 2), out("b", 4)], "a", "has output a float32"),
        ([out("a", 4, dtype="int64")], "", "has output a int64"),
        ([OnnxTensor("a", "float32", ())], "", "has output a float32"),
    ],
)
def test_any_other_is_refused(outputs, wanted, message):
    with pytest.raises(ModelError, match=message):
        embeddings_output(MODEL, outputs, wanted)


def test_a_width_is_that_of_rows():
    assert [width_of(out("a", *shape)) for shape in ((4,), (4, 1, 1), (4, 2), ("d",), ())] == [
        4,
        4,
        None,
        None,
        None,
    ]
    assert described(out("a", 4)) in str(no_embeddings(MODEL, out("a", 4)))
