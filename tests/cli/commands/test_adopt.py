# SPDX-License-Identifier: Apache-2.0
import json

import cv2
import numpy as np
import pytest

from mgn_fast.cli import main
from mgn_fast.models.contract import Contract
from mgn_fast.models.model_file import contract_in
from support.tiny_model import write_tiny_model

SAID = Contract(height=64, width=32, embedding_width=24, mirror="none")
STATED = ["--contract", "bot", "--size", "64x32"]


@pytest.fixture
def bare(tmp_path):
    return write_tiny_model(tmp_path / "bare.onnx", contract=SAID, stored=False)


@pytest.fixture
def folder(tmp_path, random):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(10):
        coarse = random.integers(0, 256, (8, 4, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{number}.png"), coarse.repeat(16, 0).repeat(16, 1))
    return folder


def adopted(bare, *words):
    return main(["adopt", str(bare), "-o", str(bare.with_name("m.onnx")), *map(str, words)])


def test_a_preset_with_changes_is_written_down(bare, capsys):
    assert adopted(bare, *STATED, "--interpolation", "opencv-area", "--mirror", "add") == 0
    written = contract_in(bare.with_name("m.onnx"))
    assert written == Contract(
        height=64, width=32, interpolation="opencv-area", embedding_width=24, parts=None
    )
    assert "64x32 RGB, opencv-area" in capsys.readouterr().out


def test_without_an_output_the_model_itself_gets_it(bare, capsys):
    assert main(["adopt", str(bare), *STATED]) == 0
    assert contract_in(bare).height == 64
    assert main(["adopt", str(bare), "--colour", "BGR", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["contract"]["colour"] == "BGR"
    assert contract_in(bare).colour == "BGR"


def test_the_check_is_told_before_the_model_is_written(bare, folder, capsys):
    assert adopted(bare, *STATED, "--check", folder) == 0
    out = capsys.readouterr().out
    assert "10, 0 skipped" in out
    assert out.index("as stated") < out.index("m.onnx: 64x32")


def test_with_labels_map_is_told(bare, folder, capsys):
    labels = folder.parent / "labels.csv"
    lines = [f"pictures/{number}.png,{number // 2}" for number in range(10)]
    labels.write_text("\n".join(["path,person", *lines]))
    assert adopted(bare, *STATED, "--check", folder, "--labels", labels, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["evaluation"]["num_valid_queries"] == 10
    assert 0 < found["evaluation"]["mean_average_precision"] < 1
    assert found["check"]["num_pictures"] == 10
    assert found["path"].endswith("m.onnx")


def test_a_picture_never_finds_itself(bare, folder, capsys):
    """Of ten persons with one picture each none has a match, so nothing can be measured."""
    labels = folder.parent / "labels.csv"
    lines = [f"pictures/{number}.png,{number}" for number in range(10)]
    labels.write_text("\n".join(["path,person", *lines]))
    assert adopted(bare, *STATED, "--check", folder, "--labels", labels) == 3
    assert "nobody can be found again" in capsys.readouterr().err
    assert not bare.with_name("m.onnx").exists()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 2, "--contract is not given, and nothing else says how the model wants"),
        (["--contract", "bott"], 2, "contract is 'bott', expected one of 'recipe'"),
        (["--contract", "bot"], 3, "height 64 and width 32"),
        ([*STATED, "--output-name", "x"], 3, "has no output 'x'"),
        ([*STATED, "--mean", "1", "2"], 2, r"mean is [1.0, 2.0], expected three finite numbers"),
        ([*STATED, "--labels", "l.csv"], 2, "--labels is 'l.csv' without --check"),
        ([*STATED, "--check", "none"], 2, "'none' is no directory"),
    ],
)
def test_what_cannot_be_adopted_leaves_nothing(bare, capsys, words, code, message):
    assert adopted(bare, *words) == code
    assert message in capsys.readouterr().err
    assert not bare.with_name("m.onnx").exists()
