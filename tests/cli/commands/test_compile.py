# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from mgn_fast.cli import main
from mgn_fast.cli.commands import compile
from mgn_fast.cli.program import build_parser
from support.atc_programs import write_atc
from support.tiny_model import write_tiny_model


@pytest.fixture
def onnx(tmp_path):
    return write_tiny_model(tmp_path / "tiny.onnx")


def test_the_examples_parse(capsys):
    with pytest.raises(SystemExit):
        main(["compile", "--help"])
    examples = capsys.readouterr().out.split("example:\n")[1].strip().splitlines()
    assert len(examples) == 3
    for example in examples:
        build_parser().parse_args(example.split()[1:])


@pytest.mark.usefixtures("own_process")
def test_it_says_what_was_written(onnx, tmp_path, capsys):
    output = tmp_path / "m.om"
    assert main(["compile", str(onnx), "-o", str(output), "--simulate"]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith(f"{output}: 4.7 MB for Ascend310P3, batch 8, the ONNX file's")
    assert "the compiler is simulated" in captured.err
    assert output.exists()


@pytest.mark.usefixtures("own_process")
def test_every_option_reaches_atc(onnx, tmp_path, capsys):
    output, log = tmp_path / "m.om", tmp_path / "log"
    words = ["compile", str(onnx), "-o", str(output), "--simulate", "--json", "--aipp"]
    words += ["--batch-sizes", "8,1,4", "--soc-version", "Ascend310B4", "--precision", "mixed"]
    words += ["--atc-arg=--output_type=FP16", "--atc-arg=--log=error", "--timeout", "60"]
    assert main([*words, "--log", str(log)]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["path"] == str(output)
    assert facts["arguments"][4:] == [
        "--soc_version=Ascend310B4",
        "--input_format=NCHW",
        "--input_shape=image:-1,3,384,128",
        "--dynamic_batch_size=1,4,8",
        "--insert_op_conf=aipp.cfg",
        "--precision_mode=allow_mix_precision",
        "--output_type=FP16",
        "--log=error",
    ]
    assert facts["simulated"] is True
    assert log.read_text().endswith("ATC run success, welcome to the next use.\n")


@pytest.mark.usefixtures("own_process")
def test_a_failure_of_the_compiler_is_exit_code_4_and_one_line(onnx, tmp_path, capsys):
    atc = write_atc(tmp_path / "atc", "print('E10016: Opname \\033[31m'); sys.exit(255)")
    words = ["compile", str(onnx), "-o", str(tmp_path / "m.om"), "--soc-version", "Ascend310P3"]
    assert main([*words, "--atc", str(atc)]) == 4
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "E10016: Opname \\x1b[31m" in lines[0]
    assert "remedy:" in lines[0]


@pytest.mark.parametrize(
    ("extra", "code"),
    [(["--batch-sizes", "0"], 2), (["--timeout", "-1"], 2), (["--atc-arg=--model=x"], 2)],
)
def test_wrong_values_are_usage_errors(onnx, tmp_path, capsys, extra, code):
    words = ["compile", str(onnx), "-o", str(tmp_path / "m.om"), "--simulate"]
    assert main([*words, *extra]) == code
    assert "mgn-fast:" in capsys.readouterr().err


def test_sizes_that_are_no_numbers_are_a_usage_error(onnx, capsys):
    with pytest.raises(SystemExit) as end:
        main(["compile", str(onnx), "-o", "m.om", "--batch-sizes", "1;4"])
    assert end.value.code == 2
    assert "'1;4' is not a batch size" in capsys.readouterr().err


def test_a_model_that_cannot_be_used_is_exit_code_3(tmp_path, capsys):
    (tmp_path / "m.onnx").write_bytes(b"no model")
    words = ["compile", str(tmp_path / "m.onnx"), "-o", str(tmp_path / "m.om"), "--simulate"]
    assert main(words) == 3
    assert "is no ONNX model" in capsys.readouterr().err


def test_atc_is_heard_on_a_terminal_only(monkeypatch, capsys):
    with compile._reporting() as report:
        report("ATC start")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with compile._reporting() as report:
        report("ATC \x1b[31mstart [bold]now")
    assert "ATC \\x1b[31mstart [bold]now" in capsys.readouterr().err
