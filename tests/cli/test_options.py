# SPDX-License-Identifier: Apache-2.0
import argparse

import pytest

from mgn_fast.cli.options import (
    add_model_options,
    add_rerank_options,
    add_session_options,
    device_numbers,
    model_options,
    session_options,
    simulated_note,
)
from mgn_fast.simulator import control


def parsed(add_options, *words):
    parser = argparse.ArgumentParser()
    add_options(parser)
    return parser.parse_args(words)


def test_what_is_not_given_is_left_to_the_embedder():
    arguments = parsed(add_session_options)
    assert session_options(arguments) == {"device": 0, "on_error": "raise"}


def test_what_is_given_reaches_the_embedder():
    words = "--lanes 3 --batch-size 4 --threads 2 --workers 5 --device 0,1 --no-mirror"
    words += " --on-error skip --backend openvino --precision bf16"
    assert session_options(parsed(add_session_options, *words.split())) == {
        "lanes": 3,
        "batch_size": 4,
        "threads": 2,
        "workers": 5,
        "device": [0, 1],
        "mirror": False,
        "on_error": "skip",
        "backend": "openvino",
        "precision": "bf16",
    }


def test_auto_is_passed_on_when_it_is_given():
    assert session_options(parsed(add_session_options, "--auto"))["auto"] is True


def test_the_options_of_a_model_are_a_part_of_those_of_a_session():
    assert model_options(parsed(add_model_options, "--device", "2")) == {"device": 2}


@pytest.mark.parametrize("text", ["", "a", "0,", "0;1"])
def test_devices_are_numbers(text):
    with pytest.raises(argparse.ArgumentTypeError, match="expected a number or several"):
        device_numbers(text)


@pytest.mark.parametrize("text", ["mgn.om", "a/b", ""])
def test_a_file_is_no_chip(text):
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_model_options(parser)
    with pytest.raises(argparse.ArgumentError, match="a bare --simulate goes last"):
        parser.parse_args(["--simulate", text])


def test_another_chip_has_no_speed(monkeypatch, capsys):
    monkeypatch.setattr(control, "enable", lambda *a, **k: None)
    arguments = parsed(add_session_options, "--simulate", "Ascend310B4")
    arguments.model = "mgn.om"
    session_options(arguments)
    assert "without its times: speeds mean nothing" in capsys.readouterr().err


def test_an_onnx_turns_no_simulator_on(monkeypatch):
    monkeypatch.setattr(control, "enable", None)  # would fail
    arguments = parsed(add_session_options, "--simulate")
    arguments.model = "mgn.onnx"
    session_options(arguments)


def test_an_om_turns_the_simulator_on_with_its_devices(monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(control, "enable", lambda *a, **k: asked.append((a, k)))
    arguments = parsed(add_session_options, "--simulate", "--device", "0,3")
    arguments.model = "mgn.om"
    session_options(arguments)
    assert asked == [(("Ascend310P3",), {"timing": True, "device_count": 4})]
    assert "Ascend310P3 is simulated" in capsys.readouterr().err


def test_rerank_options_are_the_recipes_defaults():
    arguments = parsed(add_rerank_options)
    assert (arguments.rerank, arguments.k1, arguments.k2) == (False, 20, 6)
    assert arguments.original_weight == 0.3


def test_results_say_that_an_npu_was_simulated_and_nothing_of_others():
    assert simulated_note(True) == ("the embeddings are of a simulated NPU",)
    assert simulated_note(False) == simulated_note(None) == ()
