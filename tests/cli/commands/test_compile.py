# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from mgn_fast.cli import main
from mgn_fast.cli.commands import compile
from mgn_fast.cli.program import build_parser
from mgn_fast.models.om_file import read_contract
from support.atc_programs import write_atc
from support.foreign_model import write_foreign_model
from support.tiny_model import write_tiny_model


@pytest.fixture
def onnx(tmp_path):
    return write_tiny_model(tmp_path / "tiny.onnx")


def test_the_examples_parse(capsys):
    with pytest.raises(SystemExit):
        main(["compile", "--help"])
    examples = capsys.readouterr().out.split("example:\n")[1].strip().splitlines()
    assert len(examples) == 4
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


@pytest.fixture
def foreign(tmp_path):
    return write_foreign_model(tmp_path / "f.onnx", logits=True)


STATED = ["--contract", "openvino-retail", "--size", "64x32", "--scale", "2"]
STATED += ["--mean", "1", "2", "3", "--deviation", "4,5,6", "--output-name", "features"]


@pytest.mark.usefixtures("own_process")
def test_a_contract_is_stated_by_options(foreign, tmp_path, capsys):
    output = tmp_path / "m.om"
    words = ["compile", str(foreign), "-o", str(output), "--simulate", "--aipp", *STATED]
    assert main(words) == 0
    captured = capsys.readouterr()
    assert "batch 8, uint8 BGR pictures, normalised on the device; " in captured.out
    assert "note:" not in captured.err
    contract = read_contract(output)
    assert (contract.height, contract.width, contract.input) == (64, 32, "uint8")
    assert (contract.scale, contract.mean, contract.deviation) == (2.0, (1, 2, 3), (4, 5, 6))
    assert (contract.output, contract.embedding_width) == ("features", 5)


@pytest.mark.usefixtures("own_process")
def test_what_nobody_says_is_told_in_one_line(foreign, tmp_path, capsys):
    words = ["compile", str(foreign), "-o", str(tmp_path / "m.om"), "--simulate", "--json"]
    assert main(words) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["contract"] is None
    (note,) = [line for line in captured.err.splitlines() if "note:" in line]
    assert note.startswith(f"note: nobody says how {foreign} wants its pictures, so commands that")
    assert note.endswith("will need --contract")


@pytest.mark.parametrize(
    ("extra", "code", "message"),
    [
        (["--aipp"], 3, "how to prepare pictures for it is not known"),
        (["--output-name", "features"], 3, "how to prepare pictures for it is not known"),
        (["--size", "64x32"], 2, "--size is given without --contract"),
        ([*STATED, "--output-name", "feature"], 3, "no output 'feature', expected one of: feat"),
        ([*STATED, "--size", "64x64"], 3, "expected layout 'NCHW', height 64 and width 32"),
        ([*STATED, "--layout", "NHWC", "--aipp"], 3, "expected layout 'NCHW'"),
        ([*STATED, "--deviation", "1,0,1"], 2, "deviation is"),
    ],
    ids=repr,
)
def test_a_contract_that_is_missing_or_wrong_is_refused_by_name(
    foreign, tmp_path, capsys, extra, code, message
):
    words = ["compile", str(foreign), "-o", str(tmp_path / "m.om"), "--simulate"]
    assert main([*words, *extra]) == code
    assert message in capsys.readouterr().err
    assert not (tmp_path / "m.om").exists()


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
