# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from mgn_fast.simulator.atc.precision import asked_precision
from mgn_fast.simulator.atc.texts import AtcError
from mgn_fast.simulator.precision import Precision

CHIP = {"soc_version": "Ascend310P3"}


def test_float16_is_atcs_default():
    assert asked_precision(CHIP) == Precision("float16", saturate=True)
    assert not asked_precision({"soc_version": "Ascend910B3"}).saturate


@pytest.mark.parametrize(
    ("option", "word", "mode"),
    [
        ("precision_mode", "force_fp16", "float16"),
        ("precision_mode", "allow_mix_precision", "mixed"),
        ("precision_mode", "allow_fp32_to_fp16", "matrix"),
        ("precision_mode", "force_fp32", "matrix_in"),
        ("precision_mode", "must_keep_origin_dtype", "origin"),
        ("precision_mode_v2", "fp16", "float16"),
        ("precision_mode_v2", "mixed_float16", "mixed"),
        ("precision_mode_v2", "cube_fp16in_fp32out", "matrix_in"),
        ("precision_mode_v2", "origin", "origin"),
    ],
)
def test_both_options_name_modes(option, word, mode):
    assert asked_precision(CHIP | {option: word}).mode == mode


def test_a_mode_that_is_not_simulated_is_refused():
    with pytest.raises(AtcError, match="E19999"):
        asked_precision(CHIP | {"precision_mode": "allow_fp32_to_bf16"})


def test_files_keep_operators_and_change_lists(tmp_path):
    keep, lists = tmp_path / "keep.cfg", tmp_path / "lists.json"
    keep.write_text("Conv_0\nOpType::Gemm\n")
    lists.write_text(json.dumps({"white-list": {"to-add": ["Relu"]}}))
    words = {"precision_mode": "allow_mix_precision", "keep_dtype": str(keep)}
    found = asked_precision(CHIP | words | {"modify_mixlist": str(lists)})
    assert found.kept == ("Conv_0", "::Gemm")
    assert "Relu" in found.allowed


@pytest.mark.parametrize("option", ["keep_dtype", "modify_mixlist"])
def test_a_file_that_is_not_there_is_refused(tmp_path, option):
    with pytest.raises(AtcError, match="E10001"):
        asked_precision(CHIP | {option: str(tmp_path / "none")})


@pytest.mark.parametrize("text", ["[]", "{", '{"red-list": {}}'])
def test_lists_of_another_form_are_refused(tmp_path, text):
    path = tmp_path / "lists.json"
    path.write_text(text)
    with pytest.raises(AtcError, match="E10001"):
        asked_precision(CHIP | {"modify_mixlist": str(path)})
