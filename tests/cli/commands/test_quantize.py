# SPDX-License-Identifier: Apache-2.0
import json
from dataclasses import replace

import pytest
import simplejpeg

from mgn_fast.cli import main
from mgn_fast.cli.commands import quantize
from mgn_fast.datasets.scenes import draw_pictures
from mgn_fast.models.onnx_file import read_onnx
from support.depthwise_network import MOBILE, write_mobile_network
from support.small_network import write_small_network


@pytest.fixture(scope="module")
def given(tmp_path_factory, whole_command):
    """A model and a directory of pictures, as words."""
    folder = tmp_path_factory.mktemp("given")
    model = write_small_network(folder / "float.onnx")
    (folder / "pictures").mkdir()
    for index, pixels in enumerate(draw_pictures(14, seed=0)):
        jpeg = simplejpeg.encode_jpeg(pixels, quality=90)
        (folder / "pictures" / f"{index:02}.jpg").write_bytes(jpeg)
    return [str(model), "--images", str(folder / "pictures")]


def test_what_was_written_is_said(given, tmp_path, capsys):
    path = tmp_path / "int8.onnx"
    assert main(["quantize", *given, "-o", str(path), "--keep-float32", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{path}: {path.stat().st_size / 1e6:.1f} MB"
    assert lines[1].startswith("pictures ")
    assert lines[1].endswith(" 10 for the ranges, 4 held out")
    assert lines[2].startswith("all in int8")
    assert lines[3].startswith("as written")
    assert "cosine mean 0.9" in lines[3]
    assert "same nearest picture" in lines[3]
    assert lines[4].startswith("kept in float32       1 of 3 blocks, ")


def test_json_says_it_to_programs(given, tmp_path, capsys):
    path = tmp_path / "int8.onnx"
    words = ["quantize", *given, "-o", str(path), "--keep-float32", "none", "--json"]
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["path"] == str(path)
    assert found["bytes"] == path.stat().st_size
    assert found["kept"] == []
    assert found["accuracy"] == found["without_kept"]
    assert 0.9 < found["accuracy"]["agreement"]["cosine_min"] < 1
    assert 0 <= found["accuracy"]["same_nearest"] <= 1


def test_of_many_blocks_some_are_named(given, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(quantize, "_NAMED", 1)
    assert main(["quantize", *given, "-o", str(tmp_path / "a.onnx"), "--keep-float32", "2"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.endswith("_add and 1 more (--json names all)")


def test_other_peoples_models_become_int8_by_the_contract_that_is_stated(given, tmp_path, capsys):
    theirs = write_mobile_network(tmp_path / "theirs.onnx")
    (tmp_path / "c.json").write_text(replace(MOBILE, output=None).to_json())
    words = ["quantize", str(theirs), *given[1:], "-o", str(tmp_path / "int8.onnx")]
    assert main([*words, "--output-name", "embedding"]) == 3
    assert "--contract" in capsys.readouterr().err
    words += ["--contract", str(tmp_path / "c.json")]
    assert main(words) == 3
    assert "--output-name" in capsys.readouterr().err
    assert main([*words, "--output-name", "embedding", "--colour", "RGB"]) == 0
    expected = replace(MOBILE, colour="RGB")
    assert read_onnx(tmp_path / "int8.onnx").contract == expected
    # From then on no command has to be told.
    pictures = given[2]
    words = ["embed", pictures, "--model", str(tmp_path / "int8.onnx")]
    assert main([*words, "-o", str(tmp_path / "a.npy")]) == 0


def test_much_float32_is_warned_of(given, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(quantize, "_MUCH", 0.2)  # two of three blocks have 29 % of the work
    words = ["quantize", *given, "-o", str(tmp_path / "int8.onnx"), "--keep-float32", "2"]
    assert main(words) == 0
    assert "of the work stays float32, so less speed is gained" in capsys.readouterr().err


def test_skipped_pictures_are_listed(given, tmp_path, capsys):
    model, option, pictures = given
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    for path in (tmp_path / pictures).iterdir():
        (mixed / path.name).write_bytes(path.read_bytes())
    (mixed / "list.txt").write_text("no picture")
    words = ["quantize", model, option, str(mixed), "-o", str(tmp_path / "int8.onnx")]
    assert main(words) == 3
    assert "list.txt" in capsys.readouterr().err
    assert not (tmp_path / "int8.onnx").exists()
    assert main([*words, "--on-error", "skip", "--min-cosine", "0.5"]) == 0
    assert "skipped: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["-o", "int8.bin"], 2, "ends in '.bin', expected '.onnx'"),
        (["-o", "nowhere/int8.onnx"], 2, "cannot be written"),
        (["-o", "int8.onnx", "--min-cosine", "2"], 2, "min_cosine is 2.0"),
        (["-o", "int8.onnx", "--min-cosine", "0.9999999"], 3, "the worst picture has"),
    ],
)
def test_failures_have_their_exit_codes(given, tmp_path, capsys, monkeypatch, words, code, message):
    monkeypatch.chdir(tmp_path)
    assert main(["quantize", *given, *words]) == code
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_blocks_to_keep_are_a_number_or_a_word(given, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["quantize", *given, "-o", "int8.onnx", "--keep-float32", "some"])
    assert ended.value.code == 2
    assert "'some', expected a number, auto or none" in capsys.readouterr().err
