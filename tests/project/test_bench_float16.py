# SPDX-License-Identifier: Apache-2.0
"""trained_float16.py: what it measures, and what it says of it."""

import json

import pytest

from mgn_fast import datasets
from support.bench_scripts import load
from support.small_network import write_small_network

trained_float16 = load("trained_float16")


@pytest.mark.usefixtures("drawing", "own_process")
def test_a_record_says_what_float16_costs_and_that_it_is_simulated(tmp_path, monkeypatch, capsys):
    people = datasets.synthetic(tmp_path / "people", persons=3, seed=5)
    monkeypatch.setenv("MGN_FAST_BENCH_RESULTS", str(tmp_path))
    model = write_small_network(tmp_path / "small.onnx")
    words = ["--dataset", str(people.root), "--about", "people of a test", "--no-random"]
    trained_float16.main([*words, "--model", f"small={model}", "--rounds", "1"])
    (path,) = tmp_path.glob("*-float16.json")
    found = json.loads(path.read_text())
    assert str(tmp_path) not in path.read_text()
    assert "no NPU" in found["simulated"]
    small = found["models"]["small"]
    assert 0.999 < small["cosine_min"] <= small["cosine_mean"] < 1
    maps = small["mean_average_precision"]
    assert maps["drop"] == pytest.approx(maps["float32"] - maps["float16"])
    assert small["seconds"]["ratio"] > 0
    assert len(small["layers_losing_most"]) == trained_float16.LAYERS < small["layers"]
    assert all("simulated" in line["what"] for line in found["headlines"])
    assert "small: cosine of simulated float16" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--contract", "a=recipe"], ["--dataset", "somewhere"]])
def test_words_that_contradict_each_other_are_refused(words, capsys):
    with pytest.raises(SystemExit):
        trained_float16.parse(words)
    assert "error" in capsys.readouterr().err
