# SPDX-License-Identifier: Apache-2.0
"""The simulated ATC as a program of its own, and through `compile_om` up to embeddings."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import mgn_fast
from mgn_fast import Embedder, compile_om, open_session, simulator
from mgn_fast.cann import aipp
from mgn_fast.models.contract import Contract
from mgn_fast.simulator.atc import program
from mgn_fast.simulator.float16 import rewritten
from mgn_fast.simulator.precision import Precision
from support.foreign_model import (
    FOREIGN,
    foreign_embeddings,
    foreign_pictures,
    write_foreign_model,
)
from support.late import late
from support.tiny_model import tiny_embedding, write_tiny_model

onnx = late("onnx")
onnxruntime = late("onnxruntime")

BASE = ["--framework=5", "--model=m.onnx", "--output=m", "--soc_version=Ascend310P3"]
STATIC = [*BASE, "--input_shape=image:8,3,384,128"]
GEARS = [*BASE, "--input_shape=image:-1,3,384,128", "--dynamic_batch_size=1,4,8"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A working directory with a model and an AIPP configuration in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MGN_FAST_SIMULATED_CANN", "8.0")
    write_tiny_model("m.onnx")
    (tmp_path / "aipp.cfg").write_text(aipp.config_text())
    return tmp_path


def description(path="m.om"):
    """The lines of a simulated .om by their key."""
    text = Path(path).read_bytes()[256:4096].partition(b"end\n")[0].decode()
    return dict(line.split(" ", 1) for line in text.splitlines())


def run(words, capfd):
    """Exit status and output."""
    status = program.main(words)
    captured = capfd.readouterr()
    return status, captured.out + captured.err


@pytest.mark.usefixtures("own_process")
def test_it_is_a_program_that_says_what_atc_says(here):
    done = subprocess.run(
        [sys.executable, "-m", "mgn_fast.simulator.atc", *STATIC],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(mgn_fast.__file__).parent.parent)},
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "ATC start working now, please wait for a moment.",
        "...",
        "ATC run success, welcome to the next use.",
    ]
    assert done.stderr == ""
    assert (here / "m.om").read_bytes()[:4] == b"IMOD"


def test_a_static_model(capfd):
    assert run(STATIC, capfd)[0] == 0
    lines = description()
    assert (lines["soc_version"], lines["batch"]) == ("Ascend310P3", "8")
    assert lines["input"] == "image 0 0 4 8 3 384 128"
    assert lines["output"] == "Relu_5:0:features 0 2 2 8 2048"


def test_gears_aipp_and_half_outputs(capfd):
    words = [*GEARS, "--insert_op_conf=aipp.cfg", "--output_type=FP16"]
    assert run(words, capfd)[0] == 0
    lines = description()
    assert lines["gears"] == "1 4 8"
    assert lines["input"] == "image 0 0 4 -1 3 384 128"
    assert lines["aipp"].startswith("4 4 -1 384 128 3 123.675 116.28 103.53 0.0171247538 ")
    assert lines["output"] == "Relu_5:0:features 1 2 2 8 2048"


def test_half_inputs_and_options_that_only_optimise(capfd):
    words = [*STATIC, "--input_fp16_nodes=image", "--op_select_implmode=high_precision_for_all"]
    assert run([*words, "--log=error", "--precision_mode=force_fp16"], capfd)[0] == 0
    assert description()["input"] == "image 1 0 4 8 3 384 128"


def test_pixels_are_fed_as_they_are(capfd):
    write_tiny_model("m.onnx", contract=Contract(input="uint8"))
    words = [*BASE, "--input_shape=image:8,384,128,3", "--input_format=ND"]
    assert run(words, capfd)[0] == 0
    assert description()["input"] == "image 4 1 4 8 384 128 3"


def test_help_is_no_failure(capfd):
    status, output = run(["--help"], capfd)
    assert status == 0
    assert "usage:" in output


def replaced(words, old, new):
    return [word.replace(old, new) for word in words]


REFUSED = [
    ([], "E10007"),
    (BASE[1:], "E10007"),
    (["--framework=2"], "E10007"),
    (BASE[:3], "E10054"),
    ([*BASE[:2], BASE[3]], "E10054"),
    ([BASE[0], *BASE[2:]], "E10054"),
    ([*STATIC, "--auto_tune_mode=RL,GA"], "E10001"),
    ([*STATIC, "--log=loud"], "E10010"),
    ([*STATIC, "--mode=1"], "E19999"),
    (["--framework=3", *STATIC[1:]], "E19999"),
    ([*STATIC, "--precision_mode=force_fp16", "--precision_mode_v2=fp16"], "E10056"),
    ([*STATIC, "--optypelist_for_implmode=Pow"], "E10001"),
    (replaced(STATIC, "m.onnx", "missing.onnx"), "E10001"),
    (replaced(STATIC, "m.onnx", "."), "E10001"),
    (replaced(STATIC, "m.onnx", "b d.onnx"), "E10001"),
    (replaced(STATIC, "=m.onnx", "=garbage.onnx"), "E10041"),
    (replaced(STATIC, "output=m", "output=m;x"), "E10001"),
    (replaced(STATIC, "output=m", "output=missing/m"), "E10001"),
    (replaced(STATIC, "output=m", "output=./"), "E10022"),
    ([*STATIC, "--input_format=NHWC"], "E10001"),
    (replaced(STATIC, "image", "actual_input_1"), "E10016"),
    (replaced(STATIC, "8,3,384,128", "8,3,384"), "E10049"),
    (replaced(STATIC, "8,3,384,128", "0,3,384,128"), "E10011"),
    (replaced(STATIC, "8,3,384,128", "-1,3,384,128"), "E10011"),
    (replaced(STATIC, "8,3,384,128", "8,3,x,128"), "E10014"),
    (BASE, "E10001"),
    ([*STATIC, "--dynamic_batch_size=1,4"], "E10031"),
    ([*BASE, "--dynamic_batch_size=1,4"], "E10004"),
    ([*GEARS, "--dynamic_dims=1;4"], "E10009"),
    ([*STATIC, "--dynamic_image_size=1,4"], "E19999"),
    (replaced(GEARS, "1,4,8", "8"), "E10035"),
    (replaced(GEARS, "1,4,8", "4,4"), "E10039"),
    (replaced(GEARS, "384", "-1"), "E10018"),
    (replaced(STATIC, "310P3", "310P4"), "E20101"),
    ([*STATIC, "--insert_op_conf=missing.cfg"], "E10001"),
    ([*STATIC, "--insert_op_conf=garbage.onnx"], "E13018"),
    ([*STATIC, "--insert_op_conf=aipp.cfg", "--input_fp16_nodes=image"], "E10034"),
    ([*STATIC, "--out_nodes=x:0"], "E10016"),
    ([*STATIC, "--output_type=FP8"], "E10001"),
]


@pytest.mark.parametrize(("words", "code"), REFUSED, ids=[f"{r[1]}-{r[0][-1:]}" for r in REFUSED])
def test_it_refuses_what_atc_refuses(here, capfd, words, code):
    (here / "garbage.onnx").write_bytes(b"garbage")
    shutil.copy("m.onnx", "b d.onnx")
    status, output = run(words, capfd)
    assert status == 255
    assert "ATC run failed, Please check the detail log, Try 'atc --help'" in output
    assert f"\n{code}: " in output
    assert not list(here.glob("**/*.om"))


def test_the_version_says_in_which_form(capfd, monkeypatch):
    monkeypatch.setenv("MGN_FAST_SIMULATED_CANN", "9.0")
    assert " Invalid_Argument(E10007): --framework is required." in run([], capfd)[1]


def test_an_unknown_option_has_no_code_of_its_own(capfd):
    status, output = run([*STATIC, "--mem_limit=1"], capfd)
    assert status == 255
    assert "ERROR: unknown command line flag 'mem_limit'" in output


def test_a_newer_opset_has_no_parser(capfd):
    model = onnx.load("m.onnx")
    model.opset_import[0].version = 21
    onnx.save(model, "m.onnx")
    status, output = run(STATIC, capfd)
    assert status == 255
    assert "E19010" in output
    assert "ai.onnx::21::Identity" in output


# From here on the .om is run.


@pytest.fixture
def npu():
    simulator.enable("Ascend310P3", timing=False)
    yield
    ledger = simulator.ledger()
    simulator.disable()
    assert ledger["violations"] == []


def pictures(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 384, 128, 3), dtype=np.uint8)


def prepared(pixels):
    scaled = pixels.astype(np.float32) / np.float32(255)
    contract = Contract()
    normal = (scaled - np.float32(contract.mean)) / np.float32(contract.deviation)
    return np.ascontiguousarray(normal.transpose(0, 3, 1, 2).astype(np.float32))


@pytest.mark.usefixtures("own_process")
@pytest.mark.parametrize("batch_sizes", [(1,), (4,), (8,), (1, 4, 8)])
def test_every_batch_gives_the_networks_embeddings(npu, batch_sizes):
    path = compile_om("m.onnx", "s.om", simulate=True, batch_sizes=batch_sizes, precision="origin")
    images = prepared(pictures(11))
    with open_session(path) as session:
        assert session.batch_sizes == batch_sizes
        assert session.contract == Contract()
        rows = session.run(images)
    np.testing.assert_allclose(rows, tiny_embedding(images), rtol=1e-4, atol=1e-3)


@pytest.mark.usefixtures("own_process")
@pytest.mark.parametrize("batch_sizes", [(8,), (1, 4, 8)])
def test_a_model_computes_in_float16_unless_told_otherwise(npu, batch_sizes):
    path = compile_om("m.onnx", "h.om", simulate=True, batch_sizes=batch_sizes)
    images = prepared(pictures(11))
    with open_session(path) as session:
        rows = session.run(images)
    content, _ = rewritten(Path("m.onnx").read_bytes(), Precision())
    direct = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    # A sum in another order may be rounded to the next float16, 2**-10 of it away.
    (expected,) = direct.run(["features"], {"image": images})
    np.testing.assert_allclose(rows, expected, rtol=2.0**-10, atol=1e-3)
    assert np.array_equal(rows, rows.astype(np.float16))
    assert np.abs(rows - tiny_embedding(images)).max() > 1e-3


@pytest.mark.usefixtures("own_process")
def test_operators_that_are_kept_stay_in_float32(npu):
    Path("keep.cfg").write_text("OpType::Relu\nOpType::MatMul\n")
    images = prepared(pictures(8))
    extra = [f"--keep_dtype={Path('keep.cfg').resolve()}"]
    path = compile_om("m.onnx", "k.om", simulate=True, extra_args=extra)
    with open_session(path) as session:
        rows = session.run(images)
    assert not np.array_equal(rows, rows.astype(np.float16))
    assert np.abs(rows - tiny_embedding(images)).max() > 1e-3


@pytest.mark.usefixtures("own_process")
def test_half_outputs_are_rounded_once(npu):
    images = prepared(pictures(8))
    rows = {}
    for name, extra in (("full", ()), ("half", ("--output_type=FP16",))):
        words = {"precision": "origin", "extra_args": extra}
        path = compile_om("m.onnx", f"{name}.om", simulate=True, **words)
        with open_session(path) as session:
            rows[name] = session.run(images)
    assert np.array_equal(rows["half"], rows["full"].astype(np.float16).astype(np.float32))
    assert not np.array_equal(rows["half"], rows["full"])


@pytest.mark.usefixtures("own_process")
@pytest.mark.parametrize("batch_sizes", [(8,), (1, 4, 8)])
def test_aipp_takes_pixels_and_normalises_as_its_model_says(npu, batch_sizes):
    words = {"aipp": True, "batch_sizes": batch_sizes, "precision": "origin"}
    path = compile_om("m.onnx", "a.om", simulate=True, **words)
    pixels = pictures(11)
    with open_session(path) as session:
        assert session.input_shape == (384, 128, 3)
        assert session.input_dtype == np.uint8
        assert session.contract.input == "uint8"
        rows = session.run(pixels)
    expected = tiny_embedding(aipp.normalise(pixels).astype(np.float32))
    np.testing.assert_allclose(rows, expected, rtol=1e-4, atol=1e-3)
    # And it is that arithmetic, not the exact one.
    assert np.abs(tiny_embedding(prepared(pixels)) - expected).max() > 0.01


@pytest.mark.usefixtures("own_process")
@pytest.mark.parametrize("batch_sizes", [(4,), (1, 4)], ids=["static", "gears"])
@pytest.mark.parametrize("colour", ["BGR", "RGB"])
def test_aipp_normalises_by_the_contracts_numbers_in_its_order(npu, colour, batch_sizes):
    contract = replace(FOREIGN, colour=colour, mirror="add")
    words = {"aipp": True, "batch_sizes": batch_sizes, "contract": contract, "precision": "origin"}
    path = compile_om(write_foreign_model("f.onnx", contract), "f.om", simulate=True, **words)
    pixels = foreign_pictures(7, contract)
    given = pixels[..., ::-1] if colour == "BGR" else pixels
    with Embedder(path, mirror=False) as embedder:
        assert embedder.contract == replace(contract, input="uint8", layout="NHWC")
        got = embedder(pixels)
    expected = foreign_embeddings(None, contract, prepared=aipp.normalise(given, contract))
    np.testing.assert_allclose(got, expected, atol=1e-6)
    assert np.abs(got - foreign_embeddings(pixels, contract)).max() > 1e-5


@pytest.mark.usefixtures("own_process")
def test_a_chip_that_is_not_there_refuses_the_model(npu):
    path = compile_om("m.onnx", "b.om", simulate=True, soc_version="Ascend310B4")
    with pytest.raises(Exception, match="Ascend310B4"):
        open_session(path)


def test_mgn_itself_gives_what_the_models_of_aipp_and_half_precision_say(npu, mgn_model):
    words = {"aipp": True, "extra_args": ["--output_type=FP16"], "batch_sizes": (1, 4)}
    path = compile_om(mgn_model, "mgn.om", simulate=True, precision="origin", **words)
    pixels = pictures(3)
    with open_session(mgn_model) as session:
        expected = session.run(aipp.normalise(pixels).astype(np.float32))
        exact = session.run(prepared(pixels))
    with open_session(path) as session:
        rows = session.run(pixels)
    # One rounding of the output to float16, and float32 sums in another order.
    scale = np.abs(expected).max()
    np.testing.assert_allclose(rows, expected, rtol=2.0**-11, atol=1e-5 * scale)
    assert np.abs(rows - exact).max() > np.abs(rows - expected).max()
