# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from mgn_fast import simulator
from mgn_fast.cli import main
from mgn_fast.cli.commands.tune import command_options
from mgn_fast.datasets.drawn_set import drawn_jpegs
from support.foreign_model import FOREIGN, write_foreign_model
from support.tiny_model import write_tiny_model


@pytest.fixture
def om(tmp_path, monkeypatch, simulated_time):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    onnx = write_tiny_model(tmp_path / "tiny.onnx")
    yield simulator.write_om(tmp_path / "tiny.om", onnx=onnx, batch_sizes=(1, 8))
    simulator.disable()


def test_the_options_it_prints_are_those_that_embed_takes(om, tmp_path, capsys):
    assert main(["tune", str(om), "--simulate", "--seconds", "5", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["best"]["batch_size"] == 8
    assert found["options"].startswith("--batch-size 8 --lanes ")
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number, picture in enumerate(drawn_jpegs(2, seed=0)):
        (pictures / f"{number}.jpg").write_bytes(picture)
    words = ["embed", str(pictures), "--model", str(om), "--simulate", "--json"]
    assert main([*words, "-o", str(tmp_path / "a.npy"), *found["options"].split()]) == 0
    capsys.readouterr()
    assert main([*words, "-o", str(tmp_path / "b.npy"), "--auto"]) == 0
    assert json.loads(capsys.readouterr().out)["count"] == 2
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()


def test_a_person_reads_the_fastest_first(om, capsys):
    assert main(["tune", str(om), "--simulate", "--seconds", "5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    rates = [float(line.split()[0]) for line in lines[1:] if line[:11].strip()[:1].isdigit()]
    assert rates == sorted(rates, reverse=True)
    assert any("the fastest, SIMULATED:" in line for line in lines)
    assert lines[-1] == "kept for --auto"


def test_other_peoples_models_are_tuned_by_the_contract_that_is_stated(
    tmp_path, monkeypatch, capsys, simulated_time
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    model = write_foreign_model(tmp_path / "theirs.onnx", logits=True, batch_size=1)
    (tmp_path / "c.json").write_text(FOREIGN.to_json())
    words = ["tune", str(model), "--seconds", "5", "--json", "--output-name", "features"]
    assert main(words) == 3
    assert "--contract" in capsys.readouterr().err
    assert main([*words, "--contract", str(tmp_path / "c.json")]) == 0
    assert json.loads(capsys.readouterr().out)["best"]["batch_size"] == 1


def test_a_chip_whose_times_are_not_the_models_is_warned_of(om, tmp_path, capsys):
    onnx = write_foreign_model(tmp_path / "theirs.onnx")
    theirs = simulator.write_om(tmp_path / "theirs.om", onnx=onnx, batch_sizes=(8,))
    (tmp_path / "c.json").write_text(FOREIGN.to_json())
    words = ["tune", str(theirs), "--simulate", "--seconds", "5"]
    assert main([*words, "--contract", str(tmp_path / "c.json")]) == 0
    assert "warning: the simulated chip takes the times published for MGN" in (
        capsys.readouterr().err
    )


def test_a_bound_that_nothing_keeps_ends_with_7(om, capsys):
    words = ["tune", str(om), "--simulate", "--seconds", "5", "--slo", "mean:1us"]
    assert main(words) == 7
    assert "no setting keeps the bound; the nearest is tiny.om" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--seconds", "1"], 2, "budget_s is 1.0, expected 5 or more"),
        (["--slo", "fast"], 2, "slo is 'fast', expected such as p99:20ms"),
        (["--images", "missing"], 2, "missing"),
    ],
)
def test_bad_input_is_refused(om, capsys, words, code, message):
    assert main(["tune", str(om), "--simulate", *words]) == code
    assert message in capsys.readouterr().err


def test_a_missing_model_is_no_usage_error(tmp_path, capsys):
    assert main(["tune", str(tmp_path / "gone.onnx")]) == 3
    assert "gone.onnx" in capsys.readouterr().err


def test_options_are_spelled_as_the_command_line_does():
    assert command_options({"batch_size": 8, "lanes": 2}) == "--batch-size 8 --lanes 2"
