# SPDX-License-Identifier: Apache-2.0
import argparse

import pytest

from mgn_fast import InvalidInputError
from mgn_fast.cli.contract_options import add_contract_options, stated_contract, stated_options
from mgn_fast.models.contract import MGN, Contract
from mgn_fast.models.presets import contract_of
from support.tiny_model import write_tiny_model


def parsed(*words):
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_contract_options(parser)
    return parser.parse_args(words)


def test_nothing_said_leaves_all_to_the_file(tmp_path):
    assert stated_options(parsed(), tmp_path / "absent.onnx") == {}


def test_a_preset_is_changed_field_by_field():
    words = "--contract torchreid --size 384x192 --colour BGR --scale 1 --interpolation opencv-area"
    contract = stated_contract(parsed(*words.split(), "--mean", "1", "2", "3"), None)
    assert contract == Contract(
        height=384,
        width=192,
        colour="BGR",
        scale=1,
        mean=(1, 2, 3),
        interpolation="opencv-area",
        embedding_width=None,
        mirror="none",
    )
    assert contract.origin == (
        "preset 'torchreid' with height, width, colour, scale, mean, interpolation given"
    )


def test_exif_changes_the_models_own_contract(tiny_model):
    contract = stated_contract(parsed("--exif", "apply"), tiny_model)
    assert contract == Contract(exif="apply")
    assert contract.origin.endswith("with exif given")


@pytest.mark.parametrize("words", [["0.5", "0.25", "1"], ["0.5,0.25,1"], ["0.5,0.25", "1"]])
def test_numbers_stand_between_spaces_or_commas(words):
    contract = stated_contract(parsed("--contract", "bot", "--deviation", *words), None)
    assert contract.deviation == (0.5, 0.25, 1)


def test_uint8_is_rows_of_pixels_unless_the_layout_is_said():
    given = ["--contract", "bot", "--input", "uint8"]
    assert stated_contract(parsed(*given), None).layout == "NHWC"
    assert stated_contract(parsed(*given, "--layout", "NCHW"), None).layout == "NCHW"


def test_without_a_contract_the_models_own_is_changed(tmp_path):
    model = write_tiny_model(tmp_path / "m.onnx", contract=Contract(seed=5))
    contract = stated_contract(parsed("--colour", "BGR"), model)
    assert contract == Contract(seed=5, colour="BGR")
    assert contract.origin.endswith("m.onnx' with colour given")


@pytest.mark.parametrize("words", [["--size", "2x3"], ["--mean", "0,0,0"], ["--input", "uint8"]])
def test_a_change_of_nothing_is_refused(tmp_path, words):
    bare = write_tiny_model(tmp_path / "m.onnx", contract=MGN, stored=False)
    for model in (bare, None):
        with pytest.raises(InvalidInputError, match=f"^{words[0]} is given without --contract"):
            stated_contract(parsed(*words), model)


def test_a_file_and_an_output_are_taken(tmp_path):
    path = tmp_path / "c.json"
    path.write_text('{"height": 256}')
    given = stated_options(parsed("--contract", str(path), "--output-name", "emb"), None)
    assert given == {"contract": Contract(height=256), "output": "emb"}
    assert given["contract"].origin == str(path)
    assert stated_options(parsed("--output-name", "emb"), None) == {"output": "emb"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--contract", "torchried"], "contract is 'torchried', expected one of 'recipe'"),
        (["--contract", "bot", "--mean", "0.5"], r"mean is \[0.5\], expected three finite"),
        (["--contract", "bot", "--deviation", "1,0,1"], "expected three finite numbers.* above 0"),
        (["--contract", "bot", "--scale", "nan"], "scale is nan, expected a finite number"),
        (["--contract", "bot", "--size", "0x128"], "height is 0, expected a whole number from 1"),
    ],
)
def test_what_no_model_has_is_refused(words, message):
    with pytest.raises(InvalidInputError, match=message):
        stated_contract(parsed(*words), None)


@pytest.mark.parametrize(
    "words", [["--size", "256"], ["--size", "ax3"], ["--mean", "a"], ["--colour", "rgb"]]
)
def test_words_of_another_form_are_refused(words):
    with pytest.raises(argparse.ArgumentError):
        parsed(*words)


def test_every_preset_can_be_named():
    for name in ("recipe", "fast-reid-mgn", "torchreid", "transreid", "openvino-retail", "bot"):
        assert stated_contract(parsed("--contract", name), None) is contract_of(name)
